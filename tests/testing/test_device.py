"""The ONVIF device on its own thread is found, and leads to the camera that it names."""

from __future__ import annotations

import asyncio

from headwater import discover
from headwater.testing import FakeOnvifDevice, profile_of


def test_it_is_found_and_names_its_stream() -> None:
    profile = profile_of(8_554, "/camera", encoding="H264", width=320, height=240)
    with FakeOnvifDevice(user="admin", password="secret", profiles=(profile,)) as device:
        found = asyncio.run(
            discover(
                "127.0.0.1",
                user="admin",
                password="secret",
                wait_s=1.0,
                discovery_port=device.discovery_port,
            )
        )
        assert device.calls
        assert len(device.probes) >= 1
        assert device.service_url.startswith("http://127.0.0.1:")
    assert [each.url for one in found for each in one.streams] == ["rtsp://127.0.0.1:8554/camera"]
