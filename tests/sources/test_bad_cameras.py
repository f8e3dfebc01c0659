"""A server whose camera hangs, floods or talks nonsense says it in one line, and serves others."""

from __future__ import annotations

import asyncio
import logging
import re

import pytest
from rtsp_peer import TcpReader
from server_rig import LoopClock, ServerFactory
from waiting import holds

from headwater.testing.fake_camera import AsyncFakeCamera, Fault
from headwater.testing.fake_camera.faults import (
    CutConnection,
    EndlessBody,
    EndlessHeaders,
    FloodOfRequests,
    Garbage,
    Hang,
    LongSdp,
    OtherCSeq,
)
from headwater.testing.fake_camera.faults.conversation import CONNECT

AT_ONCE = [
    (Garbage("DESCRIBE", b"\xff" * 300), "DESCRIBE|reading"),
    (Garbage("PLAY", b"\xff" * 300), "PLAY|reading"),
    (EndlessHeaders("DESCRIBE"), "DESCRIBE|reading"),
    (EndlessBody("DESCRIBE"), "DESCRIBE|reading"),
    (LongSdp(1_000_000), "DESCRIBE"),
    (CutConnection("SETUP"), "SETUP of track 0"),
    # On a slow machine the time for the first packet is over before too much has been asked.
    (FloodOfRequests(), "it asks ever more|no packet came over tcp"),
]
OVERDUE = [
    (Hang(CONNECT), "OPTIONS: no answer within 10 s"),
    (Hang("OPTIONS"), "OPTIONS: no answer within 10 s"),
    (Hang("DESCRIBE"), "DESCRIBE: no answer within 10 s"),
    (Hang("SETUP"), r"SETUP of track 0 \(tcp\): no answer within 10 s"),
    (Hang("PLAY"), "PLAY: no answer within 10 s"),
    (OtherCSeq("DESCRIBE"), "1 answers came with another CSeq"),
]


@pytest.mark.parametrize(
    ("fault", "words", "is_overdue"),
    [(*each, False) for each in AT_ONCE] + [(*each, True) for each in OVERDUE],
)
async def test_it_is_said_in_one_line_and_disturbs_nobody(
    start_server: ServerFactory,
    clock: LoopClock,
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
    words: str,
    is_overdue: bool,
) -> None:
    async with AsyncFakeCamera(fault) as bad, AsyncFakeCamera() as good:
        server = await start_server(
            paths={
                "bad": {"source": bad.url, "transport": "tcp"},
                # The clock that is put forward is no silence of this one.
                "good": {
                    "source": good.url,
                    "transport": "tcp",
                    "publisher_idle_timeout_s": 100.0,
                },
            }
        )
        await server.wait_for_mount("/good", 20)
        reader = await TcpReader.start(server.play_port, server.play_url("/good"))

        def failures() -> int:
            by_path = {source.path: source for source in server.status().sources}
            assert by_path["/good"].live == good.url
            return by_path["/bad"].sources[0].failures

        if is_overdue:
            await bad.wait_until(lambda: bool(bad.connections))
            # Every step of the conversation before the one that hangs is through.
            step = str(getattr(fault, "step", "") or getattr(fault, "method", ""))
            if step != CONNECT:
                await bad.wait_for(step)
            await asyncio.sleep(0.05)
            await reader.peer.frame()
            clock.advance(10.5)
        await holds(lambda: failures() == 1)
        lines = [
            record
            for record in caplog.records
            if record.name.startswith("headwater.") and record.levelno >= logging.WARNING
        ]
        told = [getattr(line, "cause", "") for line in lines]
        await reader.peer.frame()
        await reader.peer.close()
        await server.stop()
        await bad.wait_until(lambda: not bad.live_connections)
    assert len(told) == 1, told
    assert re.search(words, told[0]), told
    assert told[0].isprintable()
    assert len(told[0]) < 400
