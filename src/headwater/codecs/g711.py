"""G.711 in RTP (RFC 3551 §4.5.14): each payload is samples of one byte."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.depacketizer import Depacketizer
from headwater.protocol.rtp import HEADER_BYTES


@dataclass(frozen=True, slots=True)
class G711Config:
    """What a decoder of one track is set up with."""

    law: str
    """`PCMU` or `PCMA`."""
    sample_rate_hz: int = 8_000
    channels: int = 1


class G711Depacketizer(Depacketizer[G711Config]):
    """Gives the samples of each packet.

    Args:
        config: what the track's description says.
        payload_types: as for `Depacketizer`.
    """

    __slots__ = ("config",)

    def __init__(self, config: G711Config, *, payload_types: Sequence[int] = ()) -> None:
        super().__init__(payload_types=payload_types)
        self.config: G711Config = config

    def _take(self, packet: bytes) -> Sequence[AccessUnit]:
        samples = packet[HEADER_BYTES:]
        self.counters.access_units += 1
        return (
            AccessUnit(
                int.from_bytes(packet[4:8], "big"),
                (samples,),
                duration=len(samples) // self.config.channels,
            ),
        )


class G711Pieces:
    """Cuts samples into access units of one duration, as browsers want them.

    Timestamps of cameras are a few samples off now and then, though none is missing: samples follow
    each other by their number until they are a whole piece off.

    Args:
        config: of the track.
        duration_ms: of each piece; WebRTC has 20 ms.
    """

    __slots__ = ("_channels", "_left", "_next", "_piece_bytes")

    def __init__(self, config: G711Config, *, duration_ms: int = 20) -> None:
        self._channels = config.channels
        self._piece_bytes = config.sample_rate_hz * duration_ms // 1_000 * config.channels
        self._left = b""
        # The timestamp that the next samples have where none is missing.
        self._next = -1

    def feed(self, unit: AccessUnit) -> list[AccessUnit]:
        """Take samples; return the pieces that are whole now.

        What waits for the rest of its piece is dropped where samples are missing.
        """
        size, channels = self._piece_bytes, self._channels
        start = self._next
        off = (unit.timestamp - start & 0xFFFFFFFF ^ 0x80000000) - 0x80000000
        if start < 0 or abs(off) >= size // channels:
            self._left = b""
            start = unit.timestamp
        start -= len(self._left) // channels
        samples = self._left + b"".join(unit.units)
        whole = len(samples) - len(samples) % size
        self._left = samples[whole:]
        self._next = start + len(samples) // channels & 0xFFFFFFFF
        return [
            AccessUnit(
                start + at // channels & 0xFFFFFFFF,
                (samples[at : at + size],),
                duration=size // channels,
            )
            for at in range(0, whole, size)
        ]


def g711_payloads(unit: AccessUnit, room: int) -> list[bytes]:  # noqa: ARG001 - see below
    """Return the samples as one payload.

    Where they were cut, the second packet would need a timestamp of its own: give pieces that fit
    (`G711Pieces`).
    """
    samples = b"".join(unit.units)
    return [samples] if samples else []
