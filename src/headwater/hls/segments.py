"""What playlists list: segments, and the parts that they consist of."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Part:
    """One partial segment.

    Attributes:
        content: its fragments.
        duration_s: of its pictures; of its sound where there are none.
        independent: whether it begins with a key frame.
        frames: how many frames it has.
    """

    content: bytes
    duration_s: float
    independent: bool
    frames: int


@dataclass(slots=True)
class Segment:
    """One media segment, whole or still growing.

    Attributes:
        number: its media sequence number.
        init: the number of the initialisation segment that it needs.
        begins_unix_s: the wall clock at its first picture.
        discontinuity: whether what came before it has another form.
        parts: those that are there.
        whole: whether no more parts come.
    """

    number: int
    init: int
    begins_unix_s: float
    discontinuity: bool = False
    parts: list[Part] = field(default_factory=list)
    whole: bool = False

    @property
    def duration_s(self) -> float:
        """How long it lasts, up to now."""
        return sum(part.duration_s for part in self.parts)

    @property
    def content(self) -> bytes:
        """All of its parts."""
        return b"".join([part.content for part in self.parts])

    @property
    def size_bytes(self) -> int:
        """How long that is."""
        return sum(len(part.content) for part in self.parts)
