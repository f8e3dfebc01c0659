"""What H.264 and H.265 have in common: parameter sets in front of a key frame belong to it."""

from enum import IntEnum

from headwater.media.key_frame.detector import KeyFrameDetector


class Role(IntEnum):
    """What a NAL unit, or the packet it travels in, means for finding key frames."""

    OTHER = 0
    SLICE = 1
    """Picture content that no decoder can begin with."""
    KEY_SLICE = 2
    """The first slice of a picture that a decoder can begin with."""
    RECOVERY_POINT = 3
    """Says that the picture it stands in front of is one to begin with."""
    MAIN_PARAMETERS = 4
    """A sequence (or video) parameter set."""
    PICTURE_PARAMETERS = 5
    AGGREGATE = 6
    FRAGMENT = 7
    SUPPLEMENT = 8


_NONE = -2
_TOLD = -1


class NalKeyFrames(KeyFrameDetector):
    """Decides, NAL unit by NAL unit, where a key-frame access unit begins.

    Parameter sets open one when the next slice is a key slice; some senders repeat them in front
    of other pictures too. When a batch ends between a sequence parameter set and its slice, it is
    taken for a key frame's: to cut between the two would lose the parameter sets.
    """

    __slots__ = ("_found", "_has_main", "_waiting")

    def __init__(self) -> None:
        self._found = -1
        # Index of the packet whose parameter sets wait for their picture, or one of the two marks.
        self._waiting = _NONE
        self._has_main = False

    def _take(self, role: int, index: int) -> None:
        """Take the next NAL unit that is not `OTHER`, of packet `index` of this batch."""
        waiting = self._waiting
        if role == Role.SLICE:
            self._waiting = _NONE
        elif role in (Role.KEY_SLICE, Role.RECOVERY_POINT):
            if self._found < 0 and waiting != _TOLD:
                self._found = index if waiting == _NONE else waiting
            self._waiting = _NONE if role == Role.KEY_SLICE else _TOLD
        else:
            if waiting == _NONE:
                self._waiting = index
                self._has_main = False
            if role == Role.MAIN_PARAMETERS:
                self._has_main = True

    def _finish(self) -> int:
        """End the batch: the answer of `find`."""
        if self._waiting >= 0:
            if self._has_main:
                if self._found < 0:
                    self._found = self._waiting
                self._waiting = _TOLD
            else:
                self._waiting = _NONE
        found, self._found = self._found, -1
        return found
