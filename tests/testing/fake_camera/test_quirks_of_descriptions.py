"""What each quirk of descriptions and first answers looks like on the wire."""

from __future__ import annotations

import base64
import re

import pytest
from camera_talk import CameraTalk

from headwater.testing.fake_camera import AsyncFakeCamera
from headwater.testing.fake_camera.quirks import DESCRIBING, SDP

BASE = "rtsp://127.0.0.1:{port}/stream"
BASES = {
    "content-base-bare-ipv6": ("Content-Base", "rtsp://::ffff:127.0.0.1:{port}/stream/"),
    "content-base-twice-rtsp": ("Content-Base", "rtsp://rtsp://127.0.0.1:{port}/stream/"),
    "content-base-without-scheme": ("Content-Base", "127.0.0.1:{port}/stream/"),
    "content-base-in-control": ("Content-Base", None),
    "content-base-absent": ("Content-Base", None),
    "content-location": ("Content-Location", BASE + "/"),
    "content-base-without-slash": ("Content-Base", BASE),
    "control-with-slash": ("Content-Base", BASE + "/"),
    "control-absolute": ("Content-Base", BASE + "/"),
}

# A regular expression that the description matches with the quirk, and does not match without.
TEXTS = {
    "content-base-in-control": rb"^a=control:rtsp://127\.0\.0\.1:\d+/stream/\r$",
    "control-with-slash": rb"^a=control:/trackID=0\r$",
    "control-absolute": rb"^a=control:rtsp://127\.0\.0\.1:\d+/stream/trackID=0\r$",
    "two-session-names": rb"^s=one\r\ns=two\r\ns=",
    "connection-cut-short": rb"^c=IN\r$",
    "connection-without-address": rb"^c=IN IP4 \r$",
    "garbage-before-media": rb"^garbage\r\n=\r\nx\r\n: nothing\r$",
    "no-version-no-origin": rb"\As=Fake camera",
    "unknown-media-type": rb"^m=application/TP-LINK 0 RTP/AVP smart/1/90000\r$",
    "no-newline-at-end": rb"trackID=0\Z",
    "lf-only": rb"\A[^\r]+\n[^\r]*\Z",
    "nul-at-end": rb"\r\n\0\0\0\Z",
    "fmtp-under-another-media": rb"^m=audio[^\r]*\r\na=fmtp:96 packetization",
    "fmtp-empty": rb"^a=fmtp:96\r$",
    "fmtp-trailing-semicolon": rb"^a=fmtp:97 [^\r]*indexdeltalength=3; \r$",
    "sprop-incomplete": rb"sprop-parameter-sets=[^,\r]+\r$",
    "opus-wrong-rate": rb"^a=rtpmap:111 opus/16000/1\r$",
    "aac-without-index-length": rb"sizelength=13\r$",
    "payload-type-35": rb"^m=video 0 RTP/AVP 35\r\na=rtpmap:35 H264/90000\r$",
    "all-marked-back-channel": rb"trackID=0\r\na=sendonly\r\nm=.*trackID=1\r\na=sendonly\r\n\Z",
    "origin-decimals": rb"^o=- 1719049110\.125 1\.0 IN",
    "origin-without-address": rb"^o=- 1001 1 IN IP4 \r$",
    "origin-seven-fields": rb"^o=- 14665860 31787219 1 IN",
    "origin-without-blank": rb"^o=-0 1 IN",
    "bandwidth-tias": rb"^b=TIAS:1500000\.5\r\nb=AS:\r$",
}


@pytest.mark.parametrize("name", TEXTS)
async def test_the_description_says_so(name: str) -> None:
    bodies = []
    for camera in (AsyncFakeCamera(name), AsyncFakeCamera()):
        async with CameraTalk.with_one(camera) as talk:
            bodies.append((await talk.ask("DESCRIBE")).body)
    odd, plain = bodies
    assert re.search(TEXTS[name], odd, re.MULTILINE | re.DOTALL), odd.decode()
    assert not re.search(TEXTS[name], plain, re.MULTILINE | re.DOTALL), plain.decode()


@pytest.mark.parametrize("name", BASES)
async def test_the_base_url_is_named_so(name: str) -> None:
    header, value = BASES[name]
    async with CameraTalk.with_one(AsyncFakeCamera(name)) as talk:
        described = await talk.ask("DESCRIBE")
        expected = None if value is None else value.format(port=talk.camera.port)
        assert described.header(header) == expected
        # Whatever it said, this is the URL that it means.
        assert (await talk.setup()).status == 200


@pytest.mark.parametrize(
    ("name", "before", "behind", "sets"),
    [
        ("sprop-annex-b", b"\0\0\0\1", b"", 2),
        ("sprop-stray-byte", b"", b"\0", 2),
        ("sprop-incomplete", b"", b"", 1),
    ],
)
async def test_parameter_sets_of_the_description(
    name: str, before: bytes, behind: bytes, sets: int
) -> None:
    async with CameraTalk.with_one(AsyncFakeCamera(name)) as talk:
        body = (await talk.ask("DESCRIBE")).body
    found = re.search(rb"sprop-parameter-sets=([^;\r]+)", body)
    assert found is not None
    decoded = [base64.b64decode(each) for each in found.group(1).split(b",")]
    assert len(decoded) == sets
    assert all(each.startswith(before) and each.endswith(behind) for each in decoded)
    assert [each[len(before)] & 31 for each in decoded] == [7, 8][:sets]


async def test_aac_in_adts_has_its_head_in_each_access_unit() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("aac-in-adts")) as talk:
        await talk.play()
        packets = await talk.packets(3, channel=2)
    assert {packet.payload[4:6] for packet in packets} == {b"\xff\xf1"}


async def test_a_user_agent_is_demanded() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("user-agent-demanded")) as talk:
        assert (await talk.ask("DESCRIBE", User_Agent="")).status == 401
        assert (await talk.ask("DESCRIBE")).status == 200


async def test_a_description_is_demanded_before_setup() -> None:
    async with CameraTalk.with_one(AsyncFakeCamera("describe-before-setup")) as talk:
        assert (await talk.setup()).status == 455
        await talk.ask("DESCRIBE")
        assert (await talk.setup()).status == 200


async def test_one_description_a_connection() -> None:
    async with AsyncFakeCamera("one-describe-per-connection") as camera:
        for _ in range(2):
            async with CameraTalk.to(camera) as talk:
                statuses = [(await talk.ask("DESCRIBE")).status for _ in range(2)]
            assert statuses == [200, 455]


async def test_back_channels_are_refused_or_offered_in_vain() -> None:
    require = {"Require": "www.onvif.org/ver20/backchannel"}
    async with CameraTalk.with_one(AsyncFakeCamera("back-channel-unknown")) as talk:
        assert (await talk.ask("DESCRIBE", **require)).status == 551
        assert (await talk.ask("DESCRIBE")).status == 200
    async with CameraTalk.with_one(AsyncFakeCamera("two-back-channels")) as talk:
        assert b"backchannel" not in (await talk.ask("DESCRIBE")).body
        assert (await talk.ask("DESCRIBE", **require)).body.count(b"a=sendonly") == 2
        uri = f"{talk.camera.url}/backchannel=1"
        assert (await talk.ask("SETUP", uri, Transport="RTP/AVP/TCP;unicast")).status == 500
        assert (await talk.setup()).status == 200


PROVEN_ELSEWHERE = {quirk.name for quirk in DESCRIBING if "credentials" in quirk.settings}
PROVEN_ALONE = {
    "sprop-annex-b",
    "sprop-stray-byte",
    "aac-in-adts",
    "user-agent-demanded",
    "describe-before-setup",
    "one-describe-per-connection",
    "back-channel-unknown",
    "two-back-channels",
}


def test_every_quirk_has_its_proof() -> None:
    proven = PROVEN_ALONE | PROVEN_ELSEWHERE | set(TEXTS) | set(BASES)
    assert {quirk.name for quirk in (*DESCRIBING, *SDP)} == proven
