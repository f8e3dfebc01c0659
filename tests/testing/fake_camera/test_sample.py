"""The samples tell which of their pictures, and which tenth of a second of sound, one has."""

from __future__ import annotations

import asyncio

import pytest
from pyav_player import pictures_of, sound_of

from headwater.testing import FakeCamera
from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, sample

MOST_BYTES = 300_000


@pytest.mark.parametrize("codec", sample.PICTURE_CODECS)
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_each_picture_carries_its_number(codec: str, transport: str) -> None:
    with FakeCamera(codec=codec) as camera:
        seen = [each.number for each in pictures_of(camera.url, 54, transport=transport)]
    assert seen == [number % sample.PICTURES for number in range(seen[0], seen[0] + 54)]


@pytest.mark.parametrize("codec", sample.SOUND_CODECS)
def test_each_tenth_of_a_second_has_its_note(codec: str) -> None:
    with FakeCamera(codec=None, audio=codec) as camera:
        sound, rate_hz = sound_of(camera.url, 1.5)
    step = rate_hz // 10
    # Encoders begin with a little silence: the middle of each tenth is read, from the second on.
    heard = [
        sample.note_of(sound[at + step // 4 : at + step * 3 // 4 : 2].tolist(), rate_hz // 2)
        for at in range(step, 14 * step, step)
    ]
    assert heard == [note % sample.NOTES for note in range(heard[0], heard[0] + len(heard))]
    assert heard[0] in (0, 1)


async def test_a_rate_of_pictures_of_ones_own() -> None:
    settings = CameraSettings(tracks=(sample.h265(5),))
    async with AsyncFakeCamera(settings=settings) as camera:
        seen = await asyncio.to_thread(pictures_of, camera.url, 6)
    assert seen[-1].pts_s - seen[0].pts_s == pytest.approx(1.0, abs=0.01)


def test_the_samples_are_small() -> None:
    assert sum(file.stat().st_size for file in sample.FOLDER.iterdir()) < MOST_BYTES
