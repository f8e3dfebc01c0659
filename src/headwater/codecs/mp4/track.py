"""One track of a fragmented file: its access units become samples."""

from collections.abc import Callable, Sequence

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.configs import TrackConfig
from headwater.codecs.flac import FlacEncoder, is_flac_possible
from headwater.codecs.frame_times import FrameTimes, LineStart, PictureTimes, SoundTimes
from headwater.codecs.g711 import G711Config
from headwater.codecs.mp4.init_segment import InitTrack
from headwater.codecs.mp4.sample import Sample
from headwater.codecs.mp4.sample_entry import SampleEntry, sample_entry
from headwater.codecs.nal.picture import PictureConfig

_MOST_CLOCK_RATE_HZ = 1_000_000
"""Offsets have 32 bits: times of a quicker clock, which nobody has, would not fit."""


class Mp4Track:
    """Makes samples of a track's access units; G.711 is written as FLAC.

    Args:
        track_id: its number in the file, from 1.
        clock_rate_hz: units of its RTP timestamps per second.
        start: where its line of time begins; with its first access unit unless given by then.
        in_band: see `sample_entry`.

    Attributes:
        start: see above.
        init: what the initialisation segment says of it, another object after each change, which
            wants another initialisation segment in front of the next sample; None until known, and
            for codecs that have no place in MP4.
    """

    __slots__ = (
        "_config",
        "_encoder",
        "_in_band",
        "_parts",
        "_times",
        "clock_rate_hz",
        "init",
        "start",
        "track_id",
    )

    def __init__(
        self,
        track_id: int,
        clock_rate_hz: int,
        start: LineStart | None = None,
        *,
        in_band: bool = False,
    ) -> None:
        self.track_id = track_id
        self.clock_rate_hz = clock_rate_hz
        self.init: InitTrack | None = None
        self.start = start
        self._in_band = in_band
        self._config: TrackConfig | None = None
        self._encoder: FlacEncoder | None = None
        self._times: FrameTimes | None = None
        self._parts: Callable[[AccessUnit], Sequence[bytes]] = _nothing

    def configure(self, config: TrackConfig | None) -> InitTrack | None:
        """Take the configuration of the access units that follow; return `init`."""
        if config is not self._config and config is not None:
            self._config = config
            self._encoder = None
            written = config
            if isinstance(config, G711Config) and is_flac_possible(config):
                self._encoder = FlacEncoder(config)
                written = self._encoder.config
            entry = sample_entry(written, in_band=self._in_band)
            if entry is None or self.clock_rate_hz > _MOST_CLOCK_RATE_HZ:
                self.init = None
                return None
            self._parts = entry.parts
            if self.init is None or not _is_same(entry, self.init.entry):
                self.init = InitTrack(self.track_id, self.clock_rate_hz, entry)
            if isinstance(self._times, PictureTimes) and isinstance(config, PictureConfig):
                self._times.tell_reorder(config.reorder_frames)
        return self.init

    def sample(
        self, unit: AccessUnit, config: TrackConfig | None, arrived_s: float
    ) -> Sample | None:
        """Return the sample of the next access unit in decoding order; None where it has none.

        Args:
            unit: the access unit.
            config: what its decoder is set up with.
            arrived_s: when its packets came, on the clock of `LineStart.instant_s`.
        """
        if config is not self._config:
            self.configure(config)
        if self.init is None:
            return None
        if self._encoder is not None:
            encoded = self._encoder.encode(unit)
            if encoded is None:
                return None
            unit = encoded
        times = self._times
        if times is None:
            start = self.start or LineStart(unit.timestamp, arrived_s)
            times = self._times = self._new_times(start, self.init.entry)
        time = times.place(unit, arrived_s)
        if time is None:
            return None
        decode_time, offset, duration = time
        parts = self._parts(unit)
        size_bytes = sum(map(len, parts))
        return Sample(parts, size_bytes, decode_time, duration, offset, unit.key_frame)

    def _new_times(self, start: LineStart, entry: SampleEntry) -> FrameTimes:
        if not entry.is_picture:
            return SoundTimes(self.clock_rate_hz, start)
        config = self._config
        if isinstance(config, PictureConfig):
            return PictureTimes(
                self.clock_rate_hz,
                start,
                reorder=config.reorder_frames,
                frame_rate_hz=config.frame_rate_hz,
            )
        return PictureTimes(self.clock_rate_hz, start, reorder=0)


def _is_same(entry: SampleEntry, other: SampleEntry) -> bool:
    return (entry.box, entry.width, entry.height) == (other.box, other.width, other.height)


def _nothing(_unit: AccessUnit) -> Sequence[bytes]:
    return ()
