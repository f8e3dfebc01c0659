"""A mount's tracks as fragmented MP4: samples on one line of time, for all who play them so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headwater.codecs.mp4.init_segment import InitTrack, init_segment, mime_type
from headwater.codecs.mp4.sample import Sample
from headwater.codecs.mp4.track import Mp4Track
from headwater.feeds.fed_unit import FedUnit
from headwater.feeds.mount_feed import MountFeed
from headwater.feeds.presentation_line import PresentationLine
from headwater.media.clock import Clock


@dataclass(frozen=True, slots=True)
class Mp4Head:
    """What stands in front of fragments.

    Attributes:
        init: the initialisation segment.
        mime_type: with the names of the codecs.
        tracks: what it says.
    """

    init: bytes
    mime_type: str
    tracks: tuple[InitTrack, ...]


class Mp4Stream:
    """Makes samples of what a feed gives.

    It begins with a key frame of a picture where one of the tracks has pictures, else with any
    frame. It has the tracks of which it is known by then how they are decoded.

    Args:
        feed: of the mount.
        tracks: indexes of the tracks that are wanted.
        clock: the mount's.
        unix_time: the wall clock, such as `time.time`.

    Attributes:
        head: what stands in front of the next sample; another object after each change; None until
            it begins.
        line: how its times and the mount's clock hang together; None until it begins.
    """

    def __init__(
        self,
        feed: MountFeed,
        tracks: Sequence[int],
        *,
        clock: Clock,
        unix_time: Callable[[], float],
    ) -> None:
        self.head: Mp4Head | None = None
        self.line: PresentationLine | None = None
        self._feed = feed
        self._wanted = tuple(tracks)
        self._clock = clock
        self._unix_time = unix_time
        self._tracks: dict[int, Mp4Track] = {}
        # What the head says of each track.
        self._told: dict[int, InitTrack] = {}

    @property
    def track_ids(self) -> tuple[int, ...]:
        """The numbers in the file of all tracks that may be in it."""
        return tuple(range(1, len(self._wanted) + 1))

    def sample(self, fed: FedUnit) -> tuple[int, Sample] | None:
        """Return a track's number in the file and its next sample; None where there is none."""
        line = self.line
        if line is None:
            line = self._begin(fed)
            if line is None:
                return None
        track = self._tracks.get(fed.track)
        if track is None:
            return None
        if track.start is None:
            track.start = line.start_of(fed)
        sample = track.sample(fed.unit, fed.config, fed.arrived_s)
        if track.init is not self._told.get(fed.track):
            self._tell_heads()
        return None if sample is None else (track.track_id, sample)

    def unix_s(self, track_id: int, time: int) -> float:
        """Return the wall clock at a time of a track. Only once it has begun."""
        assert self.line is not None  # noqa: S101
        rate = self.line.clock_rate_of(self._wanted[track_id - 1])
        return self.line.begins_unix_s + time / rate

    def _begin(self, fed: FedUnit) -> PresentationLine | None:
        """Begin with an access unit, if that can be the first."""
        if fed.track not in self._wanted:
            return None
        if not fed.unit.key_frame or not self._is_picture(fed):
            return None
        mount = self._feed.mount
        line = PresentationLine(mount, fed, now=self._clock(), unix_s=self._unix_time())
        configs = {**self._feed.configs, fed.track: fed.config}
        for number, index in enumerate(self._wanted, start=1):
            track = Mp4Track(number, line.clock_rate_of(index))
            if track.configure(configs.get(index)) is not None:
                self._tracks[index] = track
        if fed.track not in self._tracks:
            self._tracks.clear()
            return None
        self.line = line
        self._tell_heads()
        return line

    def _is_picture(self, fed: FedUnit) -> bool:
        """Return whether it is a picture, or no track that is wanted has any for MP4."""
        video = [index for index in self._wanted if index in self._feed.video]
        return fed.track in video or not video

    def _tell_heads(self) -> None:
        self._told = {
            index: track.init for index, track in self._tracks.items() if track.init is not None
        }
        tracks = tuple(self._told.values())
        self.head = Mp4Head(init_segment(tracks), mime_type(tracks), tracks) if tracks else None
