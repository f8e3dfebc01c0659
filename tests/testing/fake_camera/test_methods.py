"""A good camera refuses what comes at the wrong moment, as RFC 2326 §11.3 has it."""

from __future__ import annotations

import pytest
from camera_talk import TCP, CameraTalk

from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, Transport, sample

TWO_TRACKS = CameraSettings(tracks=(sample.h264(), sample.pcma()))
NO_SUCH_TRANSPORT = "RAW/RAW/UDP;unicast;client_port=5000-5001"


@pytest.mark.parametrize("method", ["PLAY", "PAUSE", "TEARDOWN"])
async def test_a_session_that_was_never_set_up_is_not_known(method: str) -> None:
    async with CameraTalk.with_one(AsyncFakeCamera()) as talk:
        assert (await talk.ask(method, Session="NOBODYS")).status == 454
        assert (await talk.ask("OPTIONS")).status == 200


async def test_a_track_is_set_up_once_and_not_while_it_plays() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(settings=TWO_TRACKS)) as talk:
        assert (await talk.setup(0)).status == 200
        assert (await talk.setup(0)).status == 455
        assert (await talk.ask("PLAY")).status == 200
        assert (await talk.setup(1)).status == 455


async def test_a_session_goes_on_when_no_transport_fits_another_track() -> None:
    camera = AsyncFakeCamera(settings=TWO_TRACKS)
    async with CameraTalk.with_one(camera) as talk:
        assert (await talk.setup(0, NO_SUCH_TRANSPORT)).status == 461
        assert camera.live_sessions == []
        assert (await talk.setup(0, TCP)).status == 200
        assert (await talk.setup(1, NO_SUCH_TRANSPORT)).status == 461
        assert len(camera.live_sessions) == 1
        assert (await talk.ask("PLAY")).status == 200


async def test_udp_without_ports_is_no_transport() -> None:
    camera = AsyncFakeCamera(settings=CameraSettings(transports=frozenset({Transport.UDP})))
    async with CameraTalk.with_one(camera) as talk:
        assert (await talk.setup(0, "RTP/AVP;unicast")).status == 461
