"""What the process of a decoder says is read, and what is no answer is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headwater.libav.decoding.apart.laid_frame import LaidPicture, LaidSound
from headwater.libav.decoding.apart.talk import Answer, read_answer

PICTURE = LaidPicture(90_000, 3, (100, 25, 25), 10, 10, "yuv420p", 2, 1)
SOUND = LaidSound(None, 0, (960,), "s16", "mono", 480, 48_000)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(),
        Answer((PICTURE, PICTURE), more=True),
        Answer((SOUND,)),
        Answer(problem="no such decoder"),
    ],
    ids=["nothing", "pictures", "sound", "problem"],
)
def test_an_answer_is_read_as_it_was_said(answer: Answer) -> None:
    assert answer.line().endswith(b"\n")
    assert read_answer(answer.line()) == answer


def told(**change: Any) -> bytes:
    """An answer with one picture, of which something is otherwise."""
    said = json.loads(Answer((PICTURE,)).line())
    said["frames"][0].update(change)
    return json.dumps(said).encode()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\0\1\2",
        b"{}",
        b"[]",
        b"7",
        b'{"frames": 7, "more": false, "problem": ""}',
        b'{"frames": [7], "more": false, "problem": ""}',
        b'{"frames": [{}], "more": false, "problem": ""}',
        b"[" * 60_000,
        Answer((PICTURE,)).line()[:-20],
        told(kind="film"),
        told(kind=None),
        told(slot="3"),
        told(slot=None),
        told(position=1.5),
        told(planes="many"),
        told(pixel_format=7),
        told(surprise=1),
    ],
)
def test_what_is_no_answer_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of many kinds
        read_answer(line)


def test_only_true_is_true() -> None:
    said = json.loads(Answer().line())
    said["more"] = "yes"
    assert not read_answer(json.dumps(said).encode()).more
