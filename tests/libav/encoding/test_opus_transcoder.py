"""AAC to Opus on a thread: what comes in time goes in time, and what is broken is left out."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from sounds import sound

from headwater.codecs.aac.config import AacConfig
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.opus import OpusConfig, opus_samples
from headwater.libav.encoding.opus_transcoder import OpusTranscoder
from headwater.media.tracks.timeline import signed_32

DEADLINE_S = 20.0
FRAME = 1024


async def made(given: Sequence[tuple[bytes, object, int]], *, at_least: int) -> list[AccessUnit]:
    """What becomes of frames with their configurations and times."""
    units: list[AccessUnit] = []
    news = asyncio.Event()

    def take(unit: AccessUnit) -> None:
        units.append(unit)
        news.set()

    transcoder = OpusTranscoder(take, asyncio.get_running_loop().call_soon_threadsafe)
    for frame, config, position in given:
        transcoder.put(frame, config, position)
    async with asyncio.timeout(DEADLINE_S):
        while len(units) < at_least:
            news.clear()
            await news.wait()
    transcoder.close()
    return units


@pytest.mark.parametrize(("name", "channels"), [("aac", 1), ("aac", 2), ("latm", 2)])
async def test_all_rates_and_channels(name: str, channels: int) -> None:
    came = sound(name, channels)
    config = AacConfig.parse(came.config)
    frames = came.frames[:40]
    given = [
        (frame, config, at * FRAME * 48_000 // came.rate_hz) for at, frame in enumerate(frames)
    ]
    # Encoder and resampler keep some of it.
    units = await made(given, at_least=len(frames) * FRAME * 48_000 // came.rate_hz // 960 - 4)
    assert {opus_samples(unit.units[0]) for unit in units} == {960}
    steps = {b.timestamp - a.timestamp & 0xFFFFFFFF for a, b in itertools.pairwise(units)}
    assert steps == {960}


async def test_a_gap_stays_a_gap() -> None:
    came = sound("aac", 2)
    config = AacConfig.parse(came.config)
    late = 480_000
    given = [(frame, config, at * FRAME) for at, frame in enumerate(came.frames[:20])]
    given += [(frame, config, late + at * FRAME) for at, frame in enumerate(came.frames[20:40])]
    units = await made(given, at_least=36)
    times = [signed_32(unit.timestamp) for unit in units]
    assert times == sorted(times)
    assert any(0 <= time - late < FRAME for time in times)


async def test_broken_frames_and_other_codecs_are_left_out() -> None:
    came = sound("aac", 2)
    config = AacConfig.parse(came.config)
    given: list[tuple[bytes, object, int]] = [(b"", OpusConfig(), 0), (b"\xff" * 40, config, 0)]
    given += [(frame, config, at * FRAME) for at, frame in enumerate(came.frames[:40])]
    assert await made(given, at_least=30)
