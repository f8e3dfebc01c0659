"""Which encoder works on this machine: each is tried with a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import av
from av import VideoFrame

from headwater.codecs.h264 import parameters as h264_parameters
from headwater.codecs.h264.parameters import H264Config
from headwater.codecs.h265 import parameters as h265_parameters
from headwater.codecs.h265.parameters import H265Config
from headwater.codecs.nal.parameter_sets import ParameterSets, SetKey
from headwater.libav.encoding.encoder_table import EncoderKind, kinds_for
from headwater.libav.encoding.errors import EncoderMissing
from headwater.libav.encoding.video_encoder import VideoEncoder
from headwater.libav.encoding.wishes import VideoCodec, VideoWishes
from headwater.protocol.payload import h264, h265

PictureConfigs = H264Config | H265Config


@dataclass(frozen=True, slots=True)
class _Parameters:
    """How a codec's parameter sets are found and read."""

    kind_of: Callable[[bytes], int]
    kinds: frozenset[int]
    identify: Callable[[bytes], tuple[SetKey, bytes]]
    describe: Callable[[dict[SetKey, bytes]], PictureConfigs | None]


_PARAMETERS = {
    VideoCodec.H264: _Parameters(
        lambda unit: unit[0] & h264.TYPE_BITS,
        frozenset((h264.SPS, h264.PPS)),
        h264_parameters.identify,
        h264_parameters.describe,
    ),
    VideoCodec.H265: _Parameters(
        lambda unit: h265.unit_type(unit[0]),
        frozenset((h265.VPS, h265.SPS, h265.PPS)),
        h265_parameters.identify,
        h265_parameters.describe,
    ),
}


def first_that_works(wishes: VideoWishes) -> tuple[EncoderKind, PictureConfigs]:
    """Return the first encoder that codes a picture here, and what its decoder is set up with.

    That libav knows an encoder does not say that the machine has the card for it.

    Raises:
        EncoderMissing: none does.
        ValueError: the encoder that is wished for is none of the codec.
    """
    tried = []
    for kind in kinds_for(wishes.codec, wishes.encoder):
        try:
            config = _config_by(kind, wishes)
        except (av.FFmpegError, ValueError) as error:
            tried.append(f"{kind.name} ({getattr(error, 'strerror', None) or error})")
            continue
        if config is not None:
            return kind, config
        tried.append(f"{kind.name} (it gives no parameter sets)")
    raise EncoderMissing(
        f"nothing here codes {wishes.codec} of {wishes.width}x{wishes.height}; tried:"
        f" {', '.join(tried)}. PyAV's own wheels have libx264 and libx265:"
        " pip install --force-reinstall --only-binary av av"
    )


def _config_by(kind: EncoderKind, wishes: VideoWishes) -> PictureConfigs | None:
    encoder = VideoEncoder(kind, wishes)
    grey = VideoFrame(wishes.width, wishes.height, kind.pixel_format)
    for plane in grey.planes:
        plane.update(b"\x80" * plane.buffer_size)
    coded = [*encoder.encode(grey, 0), *encoder.flush()]
    read = _PARAMETERS[wishes.codec]
    sets: ParameterSets[PictureConfigs] = ParameterSets(read.identify, read.describe, Counter())
    for _, unit in coded:
        for part in unit.units:
            if read.kind_of(part) in read.kinds:
                sets.add(part)
    return sets.config
