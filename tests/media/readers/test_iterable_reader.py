"""A reader that a coroutine iterates over."""

import asyncio
from typing import Any

import pytest

from headwater.media.readers.iterable_reader import IterableReader


def reader_of(stage: Any) -> IterableReader:
    loop = asyncio.get_running_loop()
    return IterableReader(
        "bus", clock=stage.clock, call_soon=loop.call_soon, create_future=loop.create_future
    )


async def test_a_coroutine_gets_the_batches_and_ends_with_the_mount(stage: Any) -> None:
    mount, video = stage.mount(), stage.video()
    reader = reader_of(stage)
    reader.begin(mount)
    got: list[tuple[int, int]] = []

    async def consume() -> None:
        async for track, batch in reader:
            got.append((track.index, len(batch)))
            await asyncio.sleep(0)

    consumer = asyncio.create_task(consume())
    for _ in range(3):
        mount.tracks[0].write(video.picture(3))
        await asyncio.sleep(0)
    mount.tracks[0].write_rtcp([video.report(1 << 32)])
    mount.tracks[0].write(video.picture(2))
    mount.close("over")
    async with asyncio.timeout(5):
        await consumer
    assert got == [(0, 3)] * 3 + [(0, 2)]
    assert reader.end_reason == "over"
    assert (reader.delivered_packets, reader.sent_packets) == (11, 11)


async def test_leaving_the_block_leaves_the_mount(stage: Any) -> None:
    mount, video = stage.mount(), stage.video()
    reader = reader_of(stage)
    async with reader:
        reader.begin(mount)
        mount.tracks[0].write(video.picture(3))
        mount.tracks[0].write(video.picture(3))
        async for _ in reader:
            break
    assert mount.readers == ()
    assert reader.queued_bytes == 0
    assert [batch async for batch in reader] == []


async def test_a_coroutine_that_is_slow_loses_stretches_and_memory_stays_bounded(
    stage: Any,
) -> None:
    mount, video = stage.mount(slow_reader_max_bytes=3_000), stage.video()
    reader = reader_of(stage)
    async with reader:
        reader.begin(mount)
        for number in range(100):
            mount.tracks[0].write(video.picture(3, key=number % 10 == 0))
            assert reader.queued_bytes < 2 * 3_000
        assert reader.dropped_packets > 200
        assert reader.sent_packets + reader.dropped_packets == 300


async def test_a_wait_that_is_cancelled_loses_nothing(stage: Any) -> None:
    mount, video = stage.mount(), stage.video()
    reader = reader_of(stage)
    reader.begin(mount)
    waiting = asyncio.create_task(anext(reader))
    await asyncio.sleep(0)
    waiting.cancel()
    mount.tracks[0].write(video.picture(3))
    with pytest.raises(asyncio.CancelledError):
        await waiting
    _, batch = await anext(reader)
    assert len(batch) == 3
    reader.end()


async def test_two_coroutines_cannot_share_it(stage: Any) -> None:
    reader = reader_of(stage)
    reader.begin(stage.mount())
    waiting = asyncio.create_task(anext(reader))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="two coroutines"):
        await anext(reader)
    reader.end()
    with pytest.raises(StopAsyncIteration):
        await waiting
