"""What H.264 and H.265 have in common: parameter sets in front of a key frame belong to it."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import ClassVar

from headwater.media.key_frame.detector import KeyFrameDetector
from headwater.protocol.rtp import HEADER_BYTES, cut_run

# What a NAL unit, or the packet it travels in, means here. Plain integers: they are compared for
# every packet, and members of an enum cost five times as much.
OTHER = 0
SLICE = 1
"""Picture content that no decoder can begin with."""
KEY_SLICE = 2
"""The first slice of a picture that a decoder can begin with."""
RECOVERY_POINT = 3
"""Says that a decoder can begin with the picture it stands in front of."""
MAIN_PARAMETERS = 4
"""A sequence or video parameter set."""
PICTURE_PARAMETERS = 5
AGGREGATE = 6
FRAGMENT = 7
SUPPLEMENT = 8

NOTHING_WAITS = -2
_TOLD = -1


_first_byte = itemgetter(0)
_unit_byte = itemgetter(HEADER_BYTES)
_PLAIN_BYTES = bytes((0x80, *(byte for byte in range(256) if not byte & 0x1F)))
"""First bytes of RTP headers that nothing stands behind but the payload."""
_PLAIN = frozenset(_PLAIN_BYTES)


@dataclass(frozen=True, slots=True)
class QuietBytes:
    """What tells at a glance that packets hold nothing but slices no decoder can begin with.

    Attributes:
        units: first bytes of payloads that are such a slice, or nothing that matters.
        units_and_fragments: these, and those of fragments.
        fragment_at: where the header of a fragment says what it is a fragment of.
        fragment_byte: what takes it from a packet.
        fragments: such headers of fragments that go on, or that begin such a slice.
        all_bytes, fragment_bytes: `units_and_fragments` and `fragments`, as bytes.
    """

    units: frozenset[int]
    units_and_fragments: frozenset[int]
    fragment_at: int
    fragment_byte: Callable[[bytes], int]
    fragments: frozenset[int]
    all_bytes: bytes
    fragment_bytes: bytes


def quiet_bytes(
    packet_role: bytes, fragment_at: int, fragment_role: Callable[[int], int]
) -> QuietBytes:
    """Return them for a codec by what its bytes mean."""
    units = frozenset(byte for byte in range(256) if packet_role[byte] in (OTHER, SLICE))
    fragments = {byte for byte in range(256) if packet_role[byte] == FRAGMENT}
    going_on = frozenset(
        byte for byte in range(256) if byte < 0x80 or fragment_role(byte) in (OTHER, SLICE)
    )
    return QuietBytes(
        units,
        units | fragments,
        HEADER_BYTES + fragment_at,
        itemgetter(HEADER_BYTES + fragment_at),
        going_on,
        bytes((*fragments, *units)),
        bytes(going_on),
    )


class NalKeyFrames(KeyFrameDetector):
    """Decides, NAL unit by NAL unit, where a key-frame access unit begins.

    Parameter sets open one when the next slice is a key slice; some senders repeat them in front
    of other pictures too. When a batch ends between a sequence parameter set and its slice, it is
    taken for a key frame's: to cut between the two would lose the parameter sets.
    """

    __slots__ = ("_found", "_has_main", "_told_timestamp", "_waiting")

    quiet: ClassVar[QuietBytes]

    def __init__(self) -> None:
        self._found = -1
        # Index of the packet whose parameter sets wait for their picture, or one of the two marks.
        self._waiting = NOTHING_WAITS
        self._has_main = False
        self._told_timestamp = b""

    def find(self, packets: Sequence[bytes]) -> int:
        """See `KeyFrameDetector.find`: nearly every batch is told by few calls that run in C."""
        quiet = self.quiet
        try:
            if (
                self._waiting == NOTHING_WAITS
                and _PLAIN.issuperset(map(_first_byte, packets))
                and (
                    quiet.units.issuperset(map(_unit_byte, packets))
                    or (
                        quiet.units_and_fragments.issuperset(map(_unit_byte, packets))
                        and quiet.fragments.issuperset(map(quiet.fragment_byte, packets))
                    )
                )
            ):
                return -1
        except IndexError:
            # One is too short to hold what is asked for.
            pass
        return self._look(packets)

    def find_in_run(self, run: bytes, segment_bytes: int) -> int:
        """See `KeyFrameDetector.find_in_run`: nearly every run is told by three slices of it."""
        quiet = self.quiet
        # Of bytes that are nothing but quiet, nothing is left when those are stripped.
        if self._waiting == NOTHING_WAITS and not run[::segment_bytes].strip(_PLAIN_BYTES):
            units = run[HEADER_BYTES::segment_bytes]
            if not units.strip(quiet.all_bytes) and (
                not run[quiet.fragment_at :: segment_bytes].strip(quiet.fragment_bytes)
                or quiet.units.issuperset(units)
            ):
                return -1
        return self._look(cut_run(run, segment_bytes))

    @abstractmethod
    def _look(self, packets: Sequence[bytes]) -> int:
        """`find`, packet by packet."""

    def _take(self, role: int, packet: bytes, index: int) -> None:
        """Take the next NAL unit that is not `OTHER`, of packet `index` of this batch."""
        waiting = self._waiting
        if role == SLICE:
            self._waiting = NOTHING_WAITS
        elif packet[4:8] == self._told_timestamp:
            # The same access unit still: GStreamer repeats parameter sets before each IDR slice.
            if role == KEY_SLICE:
                self._waiting = NOTHING_WAITS
        elif role in (KEY_SLICE, RECOVERY_POINT):
            if self._found < 0 and waiting != _TOLD:
                self._found = index if waiting == NOTHING_WAITS else waiting
            self._waiting = NOTHING_WAITS if role == KEY_SLICE else _TOLD
            self._told_timestamp = packet[4:8]
        else:
            if waiting == NOTHING_WAITS:
                self._waiting = index
                self._has_main = False
            if role == MAIN_PARAMETERS:
                self._has_main = True

    def _finish(self) -> int:
        """End the batch: the answer of `find`."""
        if self._waiting >= 0:
            if self._has_main:
                if self._found < 0:
                    self._found = self._waiting
                self._waiting = _TOLD
            else:
                self._waiting = NOTHING_WAITS
        found, self._found = self._found, -1
        return found
