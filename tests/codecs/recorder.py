"""Access units written to a fragmented file, and the file read back by PyAV."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.configs import TrackConfig
from headwater.codecs.frame_times import LineStart
from headwater.codecs.mp4.fragments import FragmentWriter
from headwater.codecs.mp4.init_segment import init_segment
from headwater.codecs.mp4.sample import Sample
from headwater.codecs.mp4.track import Mp4Track


@dataclass(frozen=True, slots=True)
class Written:
    """A file in its pieces."""

    init: bytes
    fragments: list[bytes]
    name: str
    samples: list[Sample]

    @property
    def file(self) -> bytes:
        return self.init + b"".join(self.fragments)


def written(
    units: Iterable[AccessUnit],
    config: TrackConfig | None,
    clock_rate_hz: int,
    *,
    frames: int = 1,
    in_band: bool = False,
) -> Written:
    """Write access units of one track, so many frames to a fragment."""
    units = list(units)
    start = LineStart(units[0].timestamp - clock_rate_hz & 0xFFFFFFFF, 0.0)
    track = Mp4Track(1, clock_rate_hz, start, in_band=in_band)
    samples = [sample for unit in units if (sample := track.sample(unit, config, 1.0)) is not None]
    assert track.init is not None
    writer = FragmentWriter([1])
    if frames == 1:
        fragments = [writer.frame(1, sample) for sample in samples]
    else:
        groups = [samples[at : at + frames] for at in range(0, len(samples), frames)]
        fragments = [writer.fragment(1, group) for group in groups]
    return Written(init_segment([track.init]), fragments, track.init.entry.name, samples)
