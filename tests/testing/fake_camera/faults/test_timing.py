"""What comes at the wrong time, as PyAV and a client of ours meet it."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from camera_talk import CameraTalk
from pyav_player import Picture, pictures_of

from headwater.testing import FakeCamera, Fault, Jitter, SlowRead, Stall
from headwater.testing.fake_camera import AsyncFakeCamera


def played(*faults: Fault, count: int = 40) -> list[Picture]:
    with FakeCamera(*faults) as camera:
        return pictures_of(camera.url, count)


def waits_s(pictures: list[Picture]) -> list[float]:
    return [later.came_s - earlier.came_s for earlier, later in pairwise(pictures)]


def test_a_stall_keeps_everything_back_and_loses_nothing() -> None:
    # What comes in the first second, a player gathers before it shows anything.
    pictures = played(Stall(after=45, lasts_s=1.0), count=50)
    assert [each.number for each in pictures] == list(range(50))
    assert max(waits_s(pictures)) > 0.9


def test_jitter_moves_each_picture_and_no_time_stamp() -> None:
    pictures = played(Jitter(most_s=0.03))
    assert [each.number for each in pictures] == list(range(40))
    steps = {round(b.pts_s - a.pts_s, 3) for a, b in pairwise(pictures)}
    assert steps == {0.04}


async def test_jitter_follows_from_the_seed() -> None:
    late: list[list[float]] = []
    for _ in range(2):
        async with CameraTalk.with_one(AsyncFakeCamera()) as talk:
            await talk.play()
            flow = talk.camera.sessions[0].flows[0]
            late.append([Jitter(0.03).delay_s(flow) for _ in range(5)])
    assert late[0] == late[1]
    assert len(set(late[0])) == 5
    assert all(0 <= each <= 0.03 for each in late[0])


async def test_a_camera_that_reads_slowly_answers_as_late() -> None:
    loop = asyncio.get_running_loop()
    async with CameraTalk.with_one(AsyncFakeCamera(SlowRead(bytes_per_s=400))) as talk:
        began_s = loop.time()
        answer = await talk.ask("OPTIONS")
        size_bytes = talk.camera.requests[0].size_bytes
    assert answer.status == 200
    assert loop.time() - began_s >= size_bytes / 400
