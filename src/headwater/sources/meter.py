"""How well a source comes in: read once a second from the counters of its mount's tracks."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from headwater.media.tracks.track import Track

_WINDOW_S: Final = 30.0
"""Over which bit rate and distance of key frames are reckoned."""
_MOST_LOOKS: Final = 64


@dataclass(frozen=True, slots=True)
class SourceReception:
    """How well a source comes in.

    Attributes:
        bits_per_s: of all its tracks, over half a minute at most.
        packets: RTP packets since it went live.
        lost_packets: gaps in their numbers since then.
        jitter_s: interarrival jitter of the worst track (RFC 3550 §6.4.1).
        key_frame_distance_s: seconds from one key frame to the next, on average; None where none
            can be told or fewer than two came.
        last_packet_s: seconds since the last packet; None before the first.
    """

    bits_per_s: float
    packets: int
    lost_packets: int
    jitter_s: float
    key_frame_distance_s: float | None
    last_packet_s: float | None


@dataclass(frozen=True, slots=True)
class _Look:
    """What the tracks had counted at one moment."""

    at_s: float
    bytes: int
    packets: int
    lost_packets: int
    key_frames: int

    @classmethod
    def at(cls, now: float, tracks: Sequence[Track]) -> _Look:
        counters = [track.counters for track in tracks]
        return cls(
            now,
            sum(each.bytes for each in counters),
            sum(each.packets for each in counters),
            sum(each.lost_packets for each in counters),
            max((each.key_frames for each in counters), default=0),
        )


class SourceMeter:
    """Looks at the tracks that a live source fills."""

    def __init__(self) -> None:
        self._tracks: Sequence[Track] = ()
        self._first: _Look | None = None
        self._looks: deque[_Look] = deque(maxlen=_MOST_LOOKS)

    def begin(self, now: float, tracks: Sequence[Track]) -> None:
        """Begin anew: another source is live, or the same one again."""
        self._tracks = tracks
        self._first = _Look.at(now, tracks)
        self._looks.clear()
        self._looks.append(self._first)

    def look(self, now: float, tracks: Sequence[Track]) -> None:
        """Note what was counted by now; about once a second."""
        self._looks.append(_Look.at(now, tracks))
        while len(self._looks) > 1 and now - self._looks[0].at_s > _WINDOW_S:
            self._looks.popleft()

    def reception(self, now: float) -> SourceReception | None:
        """Return how well the source comes in; None before the first look."""
        if self._first is None:
            return None
        last = _Look.at(now, self._tracks)
        since = self._looks[0] if self._looks else self._first
        passed_s = last.at_s - since.at_s
        came_s = max((track.counters.last_packet_s for track in self._tracks), default=0.0)
        packets = last.packets - self._first.packets
        return SourceReception(
            bits_per_s=(last.bytes - since.bytes) * 8 / passed_s if passed_s > 0 else 0.0,
            packets=packets,
            lost_packets=max(0, last.lost_packets - self._first.lost_packets),
            jitter_s=max((track.jitter_s for track in self._tracks), default=0.0),
            key_frame_distance_s=self._key_frame_distance_s(last),
            last_packet_s=now - came_s if packets and came_s else None,
        )

    def _key_frame_distance_s(self, last: _Look) -> float | None:
        """Return the distance from the first look at which one had come to the last of them."""
        seen = [*self._looks, last]
        changes = [
            (look.at_s, look.key_frames)
            for before, look in pairwise(seen)
            if look.key_frames > before.key_frames
        ]
        if len(changes) < 2:
            return None
        (first_s, first), (last_s, count) = changes[0], changes[-1]
        return (last_s - first_s) / (count - first)
