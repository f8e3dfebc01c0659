"""What H.264 and H.265 have in common: parameter sets in front of a key frame belong to it."""

from headwater.media.key_frame.detector import KeyFrameDetector

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


class NalKeyFrames(KeyFrameDetector):
    """Decides, NAL unit by NAL unit, where a key-frame access unit begins.

    Parameter sets open one when the next slice is a key slice; some senders repeat them in front
    of other pictures too. When a batch ends between a sequence parameter set and its slice, it is
    taken for a key frame's: to cut between the two would lose the parameter sets.
    """

    __slots__ = ("_found", "_has_main", "_told_timestamp", "_waiting")

    def __init__(self) -> None:
        self._found = -1
        # Index of the packet whose parameter sets wait for their picture, or one of the two marks.
        self._waiting = NOTHING_WAITS
        self._has_main = False
        self._told_timestamp = b""

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
