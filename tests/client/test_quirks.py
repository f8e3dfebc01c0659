"""The client plays from cameras that do wrong what real ones do: each quirk, by its name."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from camera_talk import Rtp
from own_ports import free_port

from headwater import RtspClient, TransportKind
from headwater.client import ClientError, CredentialsError, RefusedError, TransportError
from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, Transport
from headwater.testing.fake_camera.faults import redirect
from headwater.testing.fake_camera.quirks import ALL, QUIRKS
from headwater.testing.fake_camera.quirks.describing import PASSWORD, USER

DEADLINE_S = 20
LOGIN: dict[str, Any] = {"username": USER, "password": PASSWORD}
NEEDS_LOGIN = {quirk.name for quirk in ALL if "credentials" in quirk.settings}
PLENTY = 30
"""Packets that make a test sure: the first key frame, and pictures behind it."""

# How a client must be told to play, where the defaults over TCP are not what a quirk is about.
CHOSEN: dict[str, dict[str, Any]] = {
    "udp-becomes-tcp": {"transport": "auto"},
    "tcp-only": {"transport": "auto"},
    "tcp-only-on-a-new-connection": {"transport": "auto"},
    "udp-only": {"transport": "auto"},
    "silent-over-udp": {"transport": "auto", "udp_silence_s": 0.3},
    "no-server-port": {"transport": "udp"},
    "server-port-0": {"transport": "udp"},
    "other-source-port": {"transport": "udp", "any_port": True},
    "large-datagrams": {"transport": "udp"},
    "session-bound-to-connection": {"transport": "udp"},
}
CHOSEN.update(dict.fromkeys(NEEDS_LOGIN, LOGIN))

# What takes time, what changes packets, and what cannot be played has a test of its own.
BY_ITSELF = {
    "two-sessions-at-most",
    "foreign-source",
    "repeated-sequence",
    "keep-alive-by-options",
    "keep-alive-by-get-parameter",
    "keep-alive-by-reports",
    "keep-alive-unanswered",
}
CHANGES_PACKETS = {
    "fragments-without-start",
    "fragments-without-end",
    "fragments-change-type",
    "late-parameter-sets",
    "empty-units",
    "timestamp-within-unit",
    "marker-on-parameter-sets",
    "timestamp-step",
}


async def heard(camera: AsyncFakeCamera, count: int = PLENTY, **chosen: Any) -> list[Rtp]:
    """The first packets of the picture that a client gets from a running camera."""
    came: list[Rtp] = []
    client = RtspClient(camera.url, **({"transport": "tcp"} | chosen))
    async with asyncio.timeout(DEADLINE_S), client, client.play() as playback:
        async for track, batch in playback:
            if track == 0:
                came += map(Rtp, map(bytes, batch.packets))
            if len(came) >= count:
                break
    return came[:count]


def payloads_of(camera: AsyncFakeCamera) -> Iterator[bytes]:
    """What the camera's first track holds, packet by packet, for ever."""
    for _, unit in camera.settings.tracks[0].endless():
        yield from unit.payloads


def assert_whole(packets: list[Rtp]) -> None:
    """Nothing is lost, doubled or out of order, and nothing is of another source."""
    first = packets[0]
    assert [p.seq for p in packets] == [(first.seq + n) & 0xFFFF for n in range(len(packets))]
    assert {packet.ssrc for packet in packets} == {first.ssrc}


async def test_a_good_camera_is_left_in_order() -> None:
    async with AsyncFakeCamera() as camera:
        packets = await heard(camera)
        await camera.wait_until(lambda: not camera.live_connections)
    assert_whole(packets)
    methods = [request.method for request in camera.requests]
    assert [method for method in methods if method != "OPTIONS"] == [
        "DESCRIBE",
        "SETUP",
        "PLAY",
        "TEARDOWN",
    ]
    assert [session.ended for session in camera.sessions] == ["TEARDOWN"]
    assert all(request.header("User-Agent") for request in camera.requests)


@pytest.mark.parametrize("name", [quirk.name for quirk in ALL if quirk.name not in BY_ITSELF])
async def test_the_client_plays_all_the_same(name: str) -> None:
    async with AsyncFakeCamera(name, settings=CameraSettings(pace=8.0)) as camera:
        packets = await heard(camera, **CHOSEN.get(name, {}))
        assert_whole(packets)
        if name not in CHANGES_PACKETS:
            expected = list(itertools.islice(payloads_of(camera), len(packets)))
            assert [packet.payload for packet in packets] == expected
        await camera.wait_until(lambda: not camera.live_sessions)
    assert camera.sessions[-1].ended == "TEARDOWN"


@pytest.mark.parametrize(
    ("name", "kind", "setups"),
    [
        ("udp-becomes-tcp", TransportKind.TCP, 2),
        ("tcp-only", TransportKind.TCP, 2),
        ("tcp-only-on-a-new-connection", TransportKind.TCP, 2),
        ("silent-over-udp", TransportKind.TCP, 2),
        ("udp-only", TransportKind.UDP, 1),
    ],
)
async def test_the_transport_is_found(name: str, kind: TransportKind, setups: int) -> None:
    async with AsyncFakeCamera(name) as camera:
        client = RtspClient(camera.url, transport="auto", udp_silence_s=0.3)
        async with asyncio.timeout(DEADLINE_S), client:
            for _ in range(2):
                async with client.play() as playback:
                    await anext(playback)
                    assert playback.transport is kind
        # Each way is tried on a connection of its own, and what was found is remembered.
        assert len(camera.seen("SETUP")) == setups + 1
        assert len({request.connection for request in camera.seen("SETUP")}) == setups + 1
        assert all(
            len([r for r in c.requests if r.method == "DESCRIBE"]) == 1 for c in camera.connections
        )


async def test_without_any_port_udp_from_elsewhere_is_no_media() -> None:
    async with AsyncFakeCamera("other-source-port") as camera:
        client = RtspClient(camera.url, udp_silence_s=0.3)
        async with asyncio.timeout(DEADLINE_S), client, client.play() as playback:
            await anext(playback)
            assert playback.transport is TransportKind.TCP


async def test_a_camera_without_the_chosen_transport_is_named() -> None:
    async with AsyncFakeCamera("udp-only") as camera:
        with pytest.raises(TransportError, match="461"):
            await heard(camera, transport="tcp")


async def test_a_third_session_is_refused_and_says_why() -> None:
    async with AsyncFakeCamera("two-sessions-at-most") as camera:
        one, two = RtspClient(camera.url), RtspClient(camera.url)
        async with one, two, one.play() as first, two.play() as second:
            await asyncio.gather(anext(first), anext(second))
            with pytest.raises(RefusedError, match="no room for another reader"):
                await heard(camera)
        assert len(await heard(camera)) == PLENTY


@pytest.mark.parametrize("name", ["foreign-source", "repeated-sequence"])
async def test_packets_that_belong_to_nothing_do_not_hide_the_others(name: str) -> None:
    async with AsyncFakeCamera(name) as camera:
        packets = await heard(camera, 60)
    assert_whole([packet for packet in packets if packet.payload_type == 96])
    assert {packet.payload_type for packet in packets} == {96}


async def test_stale_frames_are_not_the_media_of_the_new_session() -> None:
    async with AsyncFakeCamera("stale-frames") as camera:
        packets = await heard(camera)
        (session,) = camera.sessions
        assert {packet.ssrc for packet in packets} == {session.flows[0].ssrc}


async def test_every_way_to_keep_a_session_alive() -> None:
    """Each camera ends a session for want of the one sign of life that it counts."""
    names = (
        "keep-alive-by-options",
        "keep-alive-by-get-parameter",
        "keep-alive-by-reports",
        "keep-alive-unanswered",
    )

    async def lives(name: str) -> str:
        async with AsyncFakeCamera(name) as camera:
            needed_s = camera.settings.session_timeout_s * 1.4
            pictures = int(needed_s * 25)
            for transport in ("tcp", "udp"):
                packets = await heard(camera, pictures, transport=transport)
                assert_whole(packets)
            assert {session.ended for session in camera.sessions} == {"TEARDOWN"}
        return name

    assert await asyncio.gather(*map(lives, names)) == list(names)


async def test_a_request_of_the_camera_is_answered() -> None:
    for name in ("asks-options", "asks-set-parameter", "asks-announce"):
        async with AsyncFakeCamera(name) as camera:
            await heard(camera)
            (connection,) = camera.connections
            (answer,) = connection.answers
        assert answer.header("CSeq") == "1"
        assert answer.first.startswith("RTSP/1.0 ")


@pytest.mark.parametrize(
    "name", sorted(n for n, q in QUIRKS.items() if "credentials" in q.settings)
)
async def test_wrong_credentials_are_given_once(name: str) -> None:
    async with AsyncFakeCamera(name) as camera:
        with pytest.raises(CredentialsError):
            await heard(camera, username=USER, password="guess")
        # A camera locks out those who guess.
        assert len([r for r in camera.requests if r.header("Authorization")]) == 1


async def test_a_redirect_is_followed_and_the_password_stays_with_its_host() -> None:
    # The faults are made before the port is known.
    settings = CameraSettings(host="127.0.0.2", port=free_port())
    elsewhere = AsyncFakeCamera(settings=settings)
    async with elsewhere, AsyncFakeCamera(redirect(elsewhere.url)) as camera:
        assert_whole(await heard(camera, **LOGIN))
    assert not any(request.header("Authorization") for request in elsewhere.requests)


async def test_a_redirect_that_goes_round_ends() -> None:
    async with AsyncFakeCamera(redirect("{url}")) as camera:
        with pytest.raises(ClientError):
            await heard(camera, max_redirects=3)
        assert len(camera.seen("DESCRIBE")) == 4


async def test_a_camera_that_plays_to_a_group() -> None:
    settings = CameraSettings(
        transports=frozenset({Transport.MULTICAST}), group_interface="127.0.0.1"
    )
    async with AsyncFakeCamera(settings=settings) as camera:
        packets = await heard(camera, transport="multicast")
    assert_whole(packets)
