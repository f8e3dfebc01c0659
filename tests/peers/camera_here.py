"""A fake camera for the time of one test, on the loop of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from headwater.testing.fake_camera.camera import AsyncFakeCamera


@pytest.fixture
async def camera() -> AsyncIterator[AsyncFakeCamera]:
    async with AsyncFakeCamera() as camera:
        yield camera
