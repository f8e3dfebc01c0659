"""What each quirk of SETUP looks like on the wire."""

from __future__ import annotations

import re

import pytest
from camera_talk import TCP, UDP, CameraTalk

from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, sample
from headwater.testing.fake_camera.quirks import SETUP

TWO_TRACKS = CameraSettings(tracks=(sample.h264(), sample.pcma()))

# What the answer says, beside what a good camera says.
ANSWERS = {
    "one-channel": (TCP, r"RTP/AVP/TCP;unicast;interleaved=0;ssrc=\w{8};mode=\"PLAY\""),
    "two-transports": (TCP, r"RTP/AVP/TCP;.*interleaved=0-1;.*,RTP/AVP;unicast"),
    "interleaved-without-tcp": (TCP, r"RTP/AVP;unicast;interleaved=0-1;.*"),
    "other-channels": (TCP, r"RTP/AVP/TCP;unicast;interleaved=8-9;.*"),
    "udp-becomes-tcp": (UDP, r"RTP/AVP/TCP;unicast;interleaved=0-1;.*"),
    "no-server-port": (UDP, r"RTP/AVP;unicast;client_port=\d+-\d+;ssrc=\w{8};mode=\"PLAY\""),
    "server-port-0": (UDP, r"RTP/AVP;unicast;client_port=\d+-\d+;server_port=0-1;.*"),
    "source-is-a-name": (TCP, r".*;source=camera.invalid;destination=;.*"),
    "ssrc-leading-blank": (TCP, r".*;ssrc= \w{8};.*"),
    "ssrc-short": (TCP, r".*;ssrc=1A2B;.*"),
    "ssrc-odd-length": (TCP, r".*;ssrc=1A2B3;.*"),
    "ssrc-decimal": (TCP, r".*;ssrc=3735928559;.*"),
    "ssrc-wrong": (TCP, r".*;ssrc=00000000;.*"),
}
SESSIONS = {
    "session-changes": r"DIFFERENT;timeout=60",
    "timeout-with-blanks": r"\w+ ; timeout = 60",
    "timeout-zero": r"\w+;timeout=0",
    "no-timeout": r"\w+",
}
PROVEN_ALONE = {
    "mode-play-refused",
    "tcp-only",
    "tcp-only-on-a-new-connection",
    "udp-only",
    "other-source-port",
    "no-transport-answer",
    "two-sessions-at-most",
}


def test_every_quirk_has_its_proof() -> None:
    assert {quirk.name for quirk in SETUP} == PROVEN_ALONE | set(ANSWERS) | set(SESSIONS)


@pytest.mark.parametrize("name", ANSWERS)
async def test_the_transport_is_answered_so(name: str) -> None:
    offer, pattern = ANSWERS[name]
    values = []
    for camera in (AsyncFakeCamera(name), AsyncFakeCamera()):
        async with CameraTalk.with_one(camera) as talk:
            values.append((await talk.setup(transport=offer)).header("Transport") or "")
    odd, plain = values
    assert re.fullmatch(pattern, odd), odd
    assert not re.fullmatch(pattern, plain), plain


@pytest.mark.parametrize("name", SESSIONS)
async def test_the_session_is_named_so(name: str) -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(name, settings=TWO_TRACKS)) as talk:
        await talk.setup(0)
        second = await talk.setup(1)
        assert re.fullmatch(SESSIONS[name], second.header("Session") or ""), second
        # The session's first name is the one that counts.
        assert (await talk.ask("PLAY")).status == 200


@pytest.mark.parametrize("name", ["udp-becomes-tcp", "other-channels"])
async def test_packets_come_by_the_channels_that_were_answered(name: str) -> None:
    channel = {"udp-becomes-tcp": 0, "other-channels": 8}[name]
    async with CameraTalk.with_one(AsyncFakeCamera(name)) as talk:
        await talk.play(UDP if name == "udp-becomes-tcp" else TCP)
        assert (await talk.packets(1, channel))[0].payload_type == 96


async def test_mode_play_is_refused() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("mode-play-refused")) as talk:
        assert (await talk.setup(transport=f"{TCP};mode=PLAY")).status == 400
        assert (await talk.setup()).status == 200


@pytest.mark.parametrize(
    ("name", "refused", "taken"), [("tcp-only", UDP, TCP), ("udp-only", TCP, UDP)]
)
async def test_the_other_transport_is_refused(name: str, refused: str, taken: str) -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(name)) as talk:
        assert (await talk.setup(transport=refused)).status == 461
        assert (await talk.setup(transport=taken)).status == 200


async def test_nothing_goes_on_a_connection_that_asked_for_udp() -> None:
    async with AsyncFakeCamera("tcp-only-on-a-new-connection") as camera:
        async with CameraTalk.to(camera) as talk:
            assert (await talk.setup(transport=UDP)).status == 461
            assert (await talk.setup()).status == 400
        async with CameraTalk.to(camera) as talk:
            assert (await talk.setup()).status == 200


@pytest.mark.parametrize("told", [True, False])
async def test_packets_come_from_the_told_port_or_from_another(told: bool) -> None:
    camera = AsyncFakeCamera() if told else AsyncFakeCamera("other-source-port")
    async with CameraTalk.with_one(camera) as talk:
        answer = await talk.setup(transport=UDP)
        port = re.search(r"server_port=(\d+)", answer.header("Transport") or "")
        assert port is not None
        await talk.ask("PLAY")
        _, source = await talk.datagram()
        assert (source == int(port.group(1))) == told


async def test_no_transport_is_answered() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("no-transport-answer")) as talk:
        answer = await talk.setup()
        assert (answer.status, answer.header("Transport")) == (200, None)


async def test_a_third_session_is_refused_until_one_ends() -> None:
    async with (
        AsyncFakeCamera("two-sessions-at-most") as camera,
        CameraTalk.to(camera) as one,
        CameraTalk.to(camera) as two,
        CameraTalk.to(camera) as three,
    ):
        statuses = [(await talk.setup()).status for talk in (one, two, three)]
        assert statuses == [200, 200, 453]
        assert (await one.ask("TEARDOWN")).status == 200
        assert (await three.setup()).status == 200
