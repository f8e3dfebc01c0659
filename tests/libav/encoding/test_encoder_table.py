"""The encoders that are tried: each is quick in the way that it knows."""

from __future__ import annotations

import av
import pytest

from headwater.libav.encoding.encoder_table import ENCODERS, EncoderKind, kinds_for
from headwater.libav.encoding.wishes import Latency, VideoCodec


@pytest.mark.parametrize("codec", VideoCodec)
def test_graphics_cards_come_before_the_processor(codec: VideoCodec) -> None:
    names = [kind.name for kind in kinds_for(codec, "auto")]
    software = f"libx{codec[1:]}"
    assert names.index(software) > max(
        at for at, name in enumerate(names) if name.endswith(("nvenc", "videotoolbox", "qsv"))
    )


def test_one_that_is_named_is_the_only_one_tried() -> None:
    assert [kind.name for kind in kinds_for(VideoCodec.H264, "libx264")] == ["libx264"]


def test_one_of_another_codec_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"auto or one of h264_nvenc, .*, not 'libx265'"):
        kinds_for(VideoCodec.H264, "libx265")


@pytest.mark.parametrize(
    "kind", [kind for kinds in ENCODERS.values() for kind in kinds], ids=lambda kind: kind.name
)
def test_libav_knows_every_option_of_an_encoder(kind: EncoderKind) -> None:
    if kind.name not in av.codecs_available:
        pytest.skip("not in this libav")
    context = av.CodecContext.create(kind.name, "w")
    if not hasattr(context, "supported_options"):
        pytest.skip("this PyAV does not tell")
    known = {option.name for option in context.supported_options.private}
    assert {name for latency in Latency for name in kind.options(latency)} <= known
