"""What every depacketizer does: packets in, access units out, and what is missing is counted."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.quirks import Repair
from headwater.protocol import rtp

MOST_UNIT_BYTES = 8 << 20
"""Of one access unit; a camera's largest key frame has a tenth of it."""
MOST_UNITS = 4_096
"""NAL units, OBUs or fragments of one access unit: one per row of macroblocks, several times."""
_PLAIN = 0x80
# RFC 3550 A.1: packets that much behind are late; others are of a source that began anew.
_MAX_MISORDER = 100
_MAX_DROPOUT = 3_000

Config_co = TypeVar("Config_co", covariant=True)
"""What a decoder of the codec is set up with."""


@dataclass(slots=True)
class DepacketizerCounters:
    """Plain numbers that only grow."""

    packets: int = 0
    """Packets with media in them."""
    lost_packets: int = 0
    """Sequence numbers that never came."""
    late_packets: int = 0
    """Packets that came twice, or after a later one: their picture is damaged already."""
    foreign_packets: int = 0
    """Packets of other payload types: events of a telephone, redundancy, comfort noise."""
    broken_packets: int = 0
    """Packets whose payload is not what the format says."""
    access_units: int = 0
    """Access units given, also those that are `damaged`."""
    dropped_access_units: int = 0
    """Access units not given: damaged, or in front of the first key frame that can be decoded."""


class Depacketizer(ABC, Generic[Config_co]):
    """Makes access units of one track's packets.

    Without a packet that is missing, an access unit comes out of the call that takes its last
    packet. Nothing is raised, whatever comes in, and what is kept is bounded by one access unit of
    `MOST_UNIT_BYTES`.

    Args:
        payload_types: those that carry the codec; all where it is empty.
    """

    __slots__ = (
        "_expected",
        "_first_of_restart",
        "_foreign",
        "_ssrc",
        "counters",
        "repairs",
    )

    def __init__(self, *, payload_types: Sequence[int] = ()) -> None:
        types = frozenset(payload_types) or frozenset(range(128))
        # By the header's second byte, marker and all.
        self._foreign = bytes((byte & 0x7F) not in types for byte in range(256))
        self._expected = -1
        self._first_of_restart = -1
        self._ssrc = b""
        self.counters = DepacketizerCounters()
        self.repairs: Counter[Repair] = Counter()
        """How often what the sender got wrong was read all the same."""

    @property
    @abstractmethod
    def config(self) -> Config_co | None:
        """What a decoder is set up with, another object after each change; None until known."""

    def feed(self, packet: bytes) -> Sequence[AccessUnit]:
        """Take the track's next packet; return the access units that are whole now.

        Args:
            packet: a whole RTP packet (that passed `protocol.rtp.is_rtp`).
        """
        if packet[0] != _PLAIN:
            packet = _plain(packet)
        sequence = packet[2] << 8 | packet[3]
        if sequence != self._expected and not self._takes_up(packet, sequence):
            return ()
        self._expected = sequence + 1 & 0xFFFF
        if self._foreign[packet[1]]:
            self.counters.foreign_packets += 1
            return ()
        if len(packet) <= rtp.HEADER_BYTES:
            # Browsers probe with packets of padding alone, and with empty ones.
            return ()
        self.counters.packets += 1
        try:
            return self._take(packet)
        except IndexError:
            return self._broken_packet()

    def flush(self) -> Sequence[AccessUnit]:
        """Return what waits for its end; to be called when no more packets will come."""
        return ()

    @abstractmethod
    def _take(self, packet: bytes) -> Sequence[AccessUnit]:
        """Take a packet of ours whose header is the 12 plain bytes and whose payload is not empty.

        `IndexError` says that the payload is shorter than it tells.
        """

    def _lose(self) -> None:
        """Packets in front of the next one are missing."""

    def _broken_packet(self) -> Sequence[AccessUnit]:
        self.counters.broken_packets += 1
        self._lose()
        return ()

    def _takes_up(self, packet: bytes, sequence: int) -> bool:
        """Return whether a packet that is not the next one is taken."""
        source = packet[8:12]
        if self._expected < 0 or source != self._ssrc:
            if self._expected >= 0:
                self._lose()
            self._ssrc = source
            return True
        missing = sequence - self._expected & 0xFFFF
        if missing >= 0x8000:
            behind = 0x10000 - missing
            if behind <= _MAX_MISORDER or sequence != self._first_of_restart:
                self._first_of_restart = sequence + 1 & 0xFFFF
                self.counters.late_packets += 1
                return False
        elif missing <= _MAX_DROPOUT:
            self.counters.lost_packets += missing
        self._lose()
        return True


class VideoDepacketizer(Depacketizer[Config_co]):
    """Depacketizer of pictures that refer to earlier ones.

    Pictures from a loss to the next key frame, and those in front of the first, are dropped and
    counted, or given as `damaged`.

    Args:
        payload_types: as for `Depacketizer`.
        keeps_damaged: give damaged access units too, instead of dropping them.
    """

    __slots__ = ("_keeps_damaged", "_waits")

    def __init__(self, *, payload_types: Sequence[int] = (), keeps_damaged: bool = False) -> None:
        super().__init__(payload_types=payload_types)
        self._keeps_damaged = keeps_damaged
        self._waits = True

    @property
    def waits_for_key_frame(self) -> bool:
        """Whether the next picture that can be shown is a key frame's: time to ask for one."""
        return self._waits

    def _deliver(
        self,
        timestamp: int,
        units: tuple[bytes, ...],
        *,
        key_frame: bool,
        broken: bool,
        bidirectional: bool = False,
    ) -> Sequence[AccessUnit]:
        """Give a picture, or drop it when it, or one that it may refer to, is broken."""
        if broken or (self._waits and not key_frame):
            self._waits = True
            if not self._keeps_damaged or not units:
                self.counters.dropped_access_units += 1
                return ()
            broken = True
        else:
            self._waits = False
        self.counters.access_units += 1
        return (
            AccessUnit(timestamp, units, key_frame, damaged=broken, bidirectional=bidirectional),
        )


def _plain(packet: bytes) -> bytes:
    """Return the packet without contributing sources, header extension and padding."""
    end = len(packet)
    at = rtp.payload_offset(packet)
    if packet[0] & 0x20:
        # RFC 3550 §5.1: the last octet of the padding counts the padding, itself included.
        end = max(at, end - packet[-1])
    return packet[: rtp.HEADER_BYTES] + packet[at:end]
