"""The rates of one mount, from what its tracks had counted at several moments."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from headwater.media.snapshot import MountSnapshot

_WINDOW_S: Final = 30.0
"""Over which losses and the distance of key frames are reckoned."""
_RATE_S: Final = 6.0
"""Over which the bit rate is."""
_LEAST_RATE_S: Final = 1.0
"""A group of pictures that comes at once is no bit rate."""
_MOST_LOOKS: Final = 128


@dataclass(frozen=True, slots=True)
class Rates:
    """How a mount does of late.

    Attributes:
        bits_per_s: of all its tracks.
        lost_packets, packets: those that did not come and those that did.
        missed_packets: those that were not sent to readers that were too slow.
        kernel_drops: datagrams that the kernel dropped because nobody took them in time.
        invalid_packets: those that were no RTP.
        key_frame_distance_s: seconds from one key frame to the next; None where fewer than two
            came, or none can be told.
        passed_s: over how many seconds all of this is.
    """

    bits_per_s: float
    lost_packets: int
    packets: int
    missed_packets: int
    kernel_drops: int
    invalid_packets: int
    key_frame_distance_s: float | None
    passed_s: float

    @property
    def lost_share(self) -> float:
        """The lost ones among all, 0.0 to 1.0."""
        sent = self.packets + self.lost_packets
        return self.lost_packets / sent if sent else 0.0


@dataclass(frozen=True, slots=True)
class _Look:
    """What a mount had counted at one moment."""

    at_s: float
    bytes: int = 0
    packets: int = 0
    lost_packets: int = 0
    missed_packets: int = 0
    kernel_drops: int = 0
    invalid_packets: int = 0
    key_frames: int = 0

    @classmethod
    def of(cls, mount: MountSnapshot, at_s: float) -> _Look:
        return cls(
            at_s,
            sum(track.bytes for track in mount.tracks),
            sum(track.packets for track in mount.tracks),
            sum(track.lost_packets for track in mount.tracks),
            mount.dropped_packets,
            mount.kernel_drops,
            sum(track.invalid_packets for track in mount.tracks),
            max((track.key_frames for track in mount.tracks), default=0),
        )


class Meter:
    """Takes a look now and then; the first one counts from the opening of the mount."""

    def __init__(self, opened_s: float) -> None:
        self.opened_s = opened_s
        self._looks: deque[_Look] = deque([_Look(opened_s)], maxlen=_MOST_LOOKS)

    def look(self, mount: MountSnapshot, now: float) -> Rates:
        """Return the rates up to this moment."""
        last = _Look.of(mount, now)
        looks = self._looks
        looks.append(last)
        while len(looks) > 2 and now - looks[1].at_s >= _WINDOW_S:
            looks.popleft()
        first = looks[0]
        recent = next(look for look in looks if now - look.at_s <= _RATE_S or look is looks[-2])
        passed_s = max(_LEAST_RATE_S, now - recent.at_s)
        return Rates(
            bits_per_s=(last.bytes - recent.bytes) * 8 / passed_s,
            # Packets that come late are taken off again.
            lost_packets=max(0, last.lost_packets - first.lost_packets),
            packets=last.packets - first.packets,
            missed_packets=max(0, last.missed_packets - first.missed_packets),
            kernel_drops=max(0, last.kernel_drops - first.kernel_drops),
            invalid_packets=last.invalid_packets - first.invalid_packets,
            key_frame_distance_s=self._key_frame_distance_s(),
            passed_s=now - first.at_s,
        )

    def _key_frame_distance_s(self) -> float | None:
        """Return the distance of key frames on average, as exactly as the looks tell it."""
        came = [
            (before, look)
            for before, look in pairwise(self._looks)
            if look.key_frames > before.key_frames
        ]
        if not came:
            return None
        (before, first), (_, last) = came[0], came[-1]
        # Several at once: the looks were far apart, and this one tells no moment of a key frame.
        begin = before if first.key_frames - before.key_frames > 1 else first
        count = last.key_frames - begin.key_frames
        return (last.at_s - begin.at_s) / count if count else None
