"""What a camera plays: tracks of access units, which go round and round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

RTP_PAYLOAD_BYTES = 1_400


@dataclass(frozen=True)
class Unit:
    """One access unit, cut into the payloads of its packets."""

    number: int
    ticks: int
    """How long it lasts, in the track's clock."""
    payloads: tuple[bytes, ...]
    key: bool = True


@dataclass(frozen=True)
class Track:
    """One `m=` line, and what is played there."""

    media: str
    payload_type: int
    encoding: str
    """As it stands in `a=rtpmap`, such as H264/90000."""
    clock_hz: int
    units: tuple[Unit, ...]
    fmtp: str = ""
    format: str = ""
    """What stands behind RTP/AVP, where that is not the payload type."""
    marker: bool = True
    """Whether the last packet of a unit has the marker bit (RFC 3550 §5.1: by profile)."""

    def endless(self) -> Iterator[tuple[int, Unit]]:
        """The units for ever, each with the time when it begins, in the track's clock."""
        now = 0
        while True:
            for unit in self.units:
                yield now, unit
                now += unit.ticks
