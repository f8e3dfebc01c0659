"""Slots of frames: free when nobody looks at them, and no longer than that."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from headwater.libav.decoding.apart.frame_memory import FrameMemory
from headwater.libav.decoding.apart.slots import SLOT_BYTES, SLOTS, WrittenMemory


@pytest.fixture
def memory() -> Iterator[FrameMemory]:
    made = FrameMemory()
    yield made
    made.close_descriptor()


def test_what_one_side_writes_the_other_sees_without_a_copy(memory: FrameMemory) -> None:
    written = WrittenMemory(memory.descriptor)
    slot = memory.free[0]
    view = memory.look_at(slot, 4)
    written.slot(slot)[:4] = b"abcd"
    assert view.tobytes() == b"abcd"
    assert not view.flags.owndata


def test_a_slot_is_free_again_when_the_last_view_of_it_is_gone(memory: FrameMemory) -> None:
    slot = memory.free[0]
    assert len(memory.free) == SLOTS
    whole = memory.look_at(slot, 64)
    part = whole.reshape(8, 8)[2:4]
    del whole
    assert slot not in memory.free
    del part
    assert memory.free[0] == slot, "it is the next one that is taken: it is warm"


def test_frames_outlive_the_memory_that_they_are_in() -> None:
    memory = FrameMemory()
    WrittenMemory(memory.descriptor).slot(3)[:2] = b"hi"
    view = memory.look_at(3, 2)
    memory.close_descriptor()
    memory.close_descriptor()
    del memory
    assert view.tobytes() == b"hi"


@pytest.mark.parametrize(
    ("slot", "size_bytes", "said"),
    [
        (SLOTS, 10, "slot 16 is not free"),
        (-1, 10, "slot -1 is not free"),
        (0, 0, "not 0"),
        (0, SLOT_BYTES + 1, "a slot has"),
    ],
)
def test_nobody_looks_beyond_a_slot(
    memory: FrameMemory, slot: int, size_bytes: int, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        memory.look_at(slot, size_bytes)
    assert len(memory.free) == SLOTS


def test_a_slot_is_looked_at_once(memory: FrameMemory) -> None:
    view = memory.look_at(1, 10)
    with pytest.raises(ValueError, match="slot 1 is not free"):
        memory.look_at(1, 10)
    assert isinstance(view, np.ndarray)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is sealed on Linux")
def test_nobody_makes_the_memory_smaller(memory: FrameMemory) -> None:
    with pytest.raises(PermissionError):
        os.ftruncate(memory.descriptor, mmap.PAGESIZE)
