"""Frames of WebSocket: what an independent reader makes of them."""

from __future__ import annotations

import pytest
from websockets.frames import Close
from websockets.frames import Frame as ReadFrame
from websockets.streams import StreamReader

from headwater.mse.frames import Opcode, close_frame, frame


def read(written: bytes) -> ReadFrame:
    stream = StreamReader()
    stream.feed_data(written)
    stream.feed_eof()
    parsing = ReadFrame.parse(stream.read_exact, mask=False)
    try:
        next(parsing)
    except StopIteration as end:
        assert next_is_the_end(stream)
        found: ReadFrame = end.value
        return found
    raise AssertionError("the frame is not whole")


def next_is_the_end(stream: StreamReader) -> bool:
    try:
        next(stream.at_eof())
    except StopIteration as end:
        return bool(end.value)
    return False


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 1_000_000])
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
def test_messages_of_every_size(opcode: Opcode, size: int) -> None:
    found = read(frame(opcode, b"x" * size))
    assert (int(found.opcode), len(found.data), found.fin) == (int(opcode), size, True)


@pytest.mark.parametrize("reason", ["", "enough", "é" * 100, "€" * 100])
def test_a_reason_is_cut_between_its_letters(reason: str) -> None:
    found = read(close_frame(1001, reason))
    assert len(found.data) <= 125
    told = Close.parse(bytes(found.data))
    assert told.code == 1001
    assert reason.startswith(told.reason)
    assert len(told.reason) >= min(len(reason), 41)
