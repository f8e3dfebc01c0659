"""What `headwater top` shows, wherever it comes from: the board as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Plain = Mapping[str, Any]

_NOT_WELL = {"live": 2, "idle": 1}


class Order(StrEnum):
    """In which order the paths stand."""

    NAME = "name"
    RATE = "rate"
    READERS = "readers"
    LOSS = "loss"
    WARNINGS = "warnings"


@dataclass(frozen=True, slots=True)
class SeenBoard:
    """The board at one moment; the server is None for those who may not see it as a whole."""

    clock_s: float
    server: Plain | None
    cards: tuple[Plain, ...]

    def ordered(self, order: Order) -> list[Plain]:
        """Return the cards in an order, those with most of it first."""
        cards = sorted(self.cards, key=lambda card: str(card["path"]))
        match order:
            case Order.NAME:
                return cards
            case Order.RATE:
                return sorted(cards, key=lambda card: -card["bits_per_s"])
            case Order.READERS:
                return sorted(cards, key=lambda card: -card["readers"])
            case Order.LOSS:
                return sorted(
                    cards, key=lambda card: (-card["lost_share"], -card["missed_packets"])
                )
            case Order.WARNINGS:
                return sorted(
                    cards,
                    key=lambda card: (_NOT_WELL.get(card["state"], 0), -len(card["troubles"])),
                )

    def as_json(self) -> dict[str, object]:
        """Return it for a program."""
        return {"clock_s": self.clock_s, "server": self.server, "cards": list(self.cards)}
