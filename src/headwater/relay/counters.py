"""What the server counted since it started: plain integers that anybody may read."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

KeyT = TypeVar("KeyT", str, int)


class Tally(dict[KeyT, int]):
    """Counts by key; of what never happened there are 0.

    A dict in all else, which `dataclasses.asdict` copies as it is: a `Counter` would count the
    pairs that it is given.
    """

    def __missing__(self, key: KeyT) -> int:
        """Return 0: nothing was counted yet."""
        return 0


@dataclass(slots=True)
class ServerCounters:
    """Counts of connections, requests, sessions and refusals since the start.

    The bytes are those of connections that are closed; open ones count their own.
    """

    connections_opened: int = 0
    connection_failures: int = 0
    requests: int = 0
    requests_delayed: int = 0
    request_failures: int = 0
    sessions_opened: int = 0
    unknown_channel_frames: int = 0
    tcp_bytes_received: int = 0
    tcp_bytes_sent: int = 0
    sessions_closed_by_cause: dict[str, int] = field(default_factory=Tally)
    connections_closed_by_cause: dict[str, int] = field(default_factory=Tally)
    refused_by_limit: dict[str, int] = field(default_factory=Tally)
    answers_by_status: dict[int, int] = field(default_factory=Tally)

    def copy(self) -> ServerCounters:
        """Return the counts as they are now, which change no more."""
        copied = replace(self)
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, Tally):
                setattr(copied, spec.name, Tally(value))
        return copied

    def count_answer(self, status: int) -> None:
        """Count one answered request."""
        self.requests += 1
        self.answers_by_status[int(status)] += 1
