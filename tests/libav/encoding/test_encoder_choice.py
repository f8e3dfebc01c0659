"""The encoder is the first one that codes a picture on this machine."""

from __future__ import annotations

import pytest

from headwater.libav.encoding import encoder_choice, encoder_table
from headwater.libav.encoding.encoder_choice import first_that_works
from headwater.libav.encoding.encoder_table import EncoderKind
from headwater.libav.encoding.errors import EncoderMissing
from headwater.libav.encoding.wishes import VideoCodec, VideoWishes, publish_wishes_of


def wishes_for(codec: str = "h264", encoder: str = "auto") -> VideoWishes:
    wishes = publish_wishes_of(size=(320, 240), codec=codec, encoder=encoder).video
    assert wishes is not None
    return wishes


@pytest.mark.parametrize("codec", VideoCodec)
def test_the_parameter_sets_are_known_before_the_first_picture(codec: VideoCodec) -> None:
    kind, config = first_that_works(wishes_for(codec))
    assert kind in encoder_table.ENCODERS[codec]
    assert (config.width, config.height) == (320, 240)


def test_encoders_that_do_not_work_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = (EncoderKind("h264_of_no_machine"), EncoderKind("libx264", "no_such_format"))
    works = EncoderKind("libx264")
    monkeypatch.setattr(encoder_choice, "kinds_for", lambda *_: (*kinds, works))
    assert first_that_works(wishes_for())[0] is works


def test_none_that_works_is_an_error_that_tells_what_was_tried_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = (EncoderKind("h264_of_no_machine"), EncoderKind("libx264", always={"preset": "no"}))
    monkeypatch.setattr(encoder_choice, "kinds_for", lambda *_: kinds)
    with pytest.raises(EncoderMissing) as raised:
        first_that_works(wishes_for())
    said = str(raised.value)
    assert said.startswith("nothing here codes h264 of 320x240; tried: h264_of_no_machine (")
    assert ", libx264 (" in said
    assert "pip install" in said
