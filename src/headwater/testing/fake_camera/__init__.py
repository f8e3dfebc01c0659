"""A scriptable RTSP camera for tests: it plays H.264 and sound, and does wrong what it is told to.

It is an RTSP server of its own, written with the standard library alone, so that a mistake in
Headwater cannot hide behind the same mistake on the other side. Everything random about it
follows from a seed.

    async with AsyncFakeCamera(Hang("PLAY")) as camera:
        ...                                  # let a client at camera.url
        request = await camera.wait_for("TEARDOWN")
"""

from headwater.testing.fake_camera.camera import AsyncFakeCamera
from headwater.testing.fake_camera.credentials import (
    BASIC,
    DIGEST_MD5,
    DIGEST_SHA256,
    Challenge,
    Credentials,
)
from headwater.testing.fake_camera.fault import Fault
from headwater.testing.fake_camera.message import Answer, SeenRequest
from headwater.testing.fake_camera.settings import CameraSettings, Transport

__all__ = [
    "BASIC",
    "DIGEST_MD5",
    "DIGEST_SHA256",
    "Answer",
    "AsyncFakeCamera",
    "CameraSettings",
    "Challenge",
    "Credentials",
    "Fault",
    "SeenRequest",
    "Transport",
]
