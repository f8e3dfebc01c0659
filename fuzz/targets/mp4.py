"""Access units with any times and bytes to fragmented MP4, read back box by box."""

from __future__ import annotations

from fuzz.mp4_boxes import ReadFile, read_fragments, read_init
from fuzz.target import Target
from headwater.codecs.aac.config import AacConfig
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.av1.config import Av1Config
from headwater.codecs.configs import TrackConfig
from headwater.codecs.frame_times import LineStart
from headwater.codecs.g711 import G711Config
from headwater.codecs.h264.depacketizer import H264Depacketizer
from headwater.codecs.h265.depacketizer import H265Depacketizer
from headwater.codecs.mp4.fragments import FragmentWriter
from headwater.codecs.mp4.init_segment import init_segment
from headwater.codecs.mp4.sample import Sample
from headwater.codecs.mp4.track import Mp4Track
from headwater.codecs.opus import OpusConfig
from headwater.codecs.vp9.config import Vp9Config

SEPARATOR = b"\0\0\1"


def config_of(kind: int, told: bytes) -> TrackConfig | None:
    """A configuration as a peer tells it; None where it tells none."""
    match kind % 8:
        case 0 | 1:
            taker = (H264Depacketizer, H265Depacketizer)[kind % 2].of_format({})
            taker.add_parameter_sets(told.split(SEPARATOR))
            return taker.config
        case 2:
            return Av1Config.parse(told)
        case 3:
            return Vp9Config.of_key_frame(told)
        case 4:
            return AacConfig.parse(told)
        case 5:
            return OpusConfig()
        case 6:
            channels = 1 + (told[0] if told else 0)
            return G711Config("PCMA", 8_000 << (kind >> 4), channels)
        case _:
            return G711Config("PCMU")


def run(data: bytes) -> None:
    # Kind of the codec, clock rate, then a configuration with its size, then frames: flags, four
    # bytes of timestamp, size, bytes.
    if len(data) < 4:
        return
    kind, rate, size = data[0], data[1], data[2]
    try:
        config = config_of(kind, data[3 : 3 + size])
    except ValueError:
        return
    track = Mp4Track(1, 1 + rate * 4_000, LineStart(0, 0.0), in_band=bool(kind & 8))
    writer = FragmentWriter([1])
    file: ReadFile | None = None
    waiting: list[Sample] = []
    at = 3 + size
    while at + 6 < len(data):
        flags, length = data[at], data[at + 5]
        unit = AccessUnit(
            int.from_bytes(data[at + 1 : at + 5], "big"),
            tuple(one for one in data[at + 6 : at + 7 + length].split(SEPARATOR) if one),
            key_frame=bool(flags & 1),
            bidirectional=bool(flags & 2),
            duration=flags << 20 if flags & 4 else flags,
        )
        at += 7 + length
        if not unit.units:
            continue
        sample = track.sample(unit, config, at / 10)
        if sample is None:
            continue
        assert track.init is not None
        if file is None:
            file = read_init(init_segment([track.init]))
        if not sample.size_bytes:
            # Of parameter sets alone, which no depacketizer gives.
            continue
        waiting.append(sample)
        if flags & 8:
            read_fragments(file, writer.fragment(1, waiting))
            waiting = []
        elif len(waiting) == 1 and flags & 16:
            read_fragments(file, writer.frame(1, waiting.pop()))


TARGET = Target(
    invariant="whatever a configuration says and whatever times frames have, every box of the file "
    "is whole and decode times go on",
    run=run,
    words=(
        SEPARATOR,
        b"\x67\x42\xc0\x0b\xda\x0c\x3e\x84\0\0\3\0\4\0\0\3\0\xca\x3c\x50\xaa\x80",
        b"\x68\xce\x0f\xc8",
        b"\x11\x90",
        b"\x82\x49\x83\x42\0\x13\xf0\x0e\xf0",
        b"\x09\0\0\x0e\x10\x04",
        b"\x08\xff\xff\xff\xff\x02",
    ),
    max_bytes=700,
)
