"""The client plays from our own server and records to it, over every transport."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import replace
from typing import Any

import pytest
from inside import inside
from rtsp_peer import SDP, rtp
from sent_all_the_time import DEADLINE_S, published
from server_rig import ServerFactory

from headwater import (
    AccessSettings,
    AuthMethod,
    PacketBatch,
    Playback,
    RtspClient,
    RtspServer,
    Settings,
    TransportKind,
    UserSettings,
)
from headwater.client import (
    ConnectionLostError,
    CredentialsError,
    RefusedError,
    UnreachableError,
)

USER, PASSWORD = "ann", "p@ss:w/rd %41"
ACCESS = AccessSettings(users=(UserSettings(name=USER, password=PASSWORD, read=("**",)),))


async def played(client: RtspClient, packets: int) -> list[bytes]:
    """The first packets that a client gets."""
    came: list[bytes] = []
    async with asyncio.timeout(DEADLINE_S), client.play() as playback:
        async for track, batch in playback:
            assert track == 0
            came += batch.packets
            if len(came) >= packets:
                break
    return came


async def everything(playback: Playback) -> None:
    async with asyncio.timeout(DEADLINE_S):
        async for _ in playback:
            pass


def sequence_numbers(packets: list[bytes]) -> list[int]:
    return [struct.unpack_from(">H", packet, 2)[0] for packet in packets]


def assert_unbroken(packets: list[bytes]) -> None:
    numbers = sequence_numbers(packets)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert packets == [rtp(number) for number in numbers]


@pytest.mark.parametrize("transport", ["udp", "tcp", "auto"])
async def test_packets_come_as_they_were_published(server: RtspServer, transport: str) -> None:
    async with (
        published(server),
        RtspClient(server.play_url("/cam"), transport=transport) as client,
    ):
        assert_unbroken(await played(client, 50))
    assert not server.mounts
    assert inside(server).transports.ports.in_use == 0


async def test_a_description_is_asked_for_once(server: RtspServer) -> None:
    async with published(server), RtspClient(server.play_url("/cam")) as client:
        presentation = await client.describe()
        assert [media.encoding for media in presentation.media] == ["H264"]
        async with client.play() as playback:
            assert len(inside(server).connections) == 1
            assert playback.transport is TransportKind.UDP
            assert playback.presentation.media[0].clock_rate_hz == 90_000


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_server_records_what_the_program_gives(server: RtspServer, transport: str) -> None:
    client = RtspClient(server.publish_url("/pushed"), transport=transport)
    async with client, client.record(SDP) as recording:
        mount = await server.wait_for_mount("/pushed", DEADLINE_S)
        assert mount.publisher is not None
        assert mount.publisher.transport == transport
        came: list[bytes] = []
        done = asyncio.Event()

        def take(_track: int, batch: PacketBatch) -> None:
            came.extend(batch.packets)
            if len(came) == 20:
                done.set()

        reader = server.read("/pushed", take)
        for seq in range(20):
            recording.publish(0, [rtp(seq)])
        async with asyncio.timeout(DEADLINE_S):
            await done.wait()
        assert came == [rtp(seq) for seq in range(20)]
        reader.close()
    assert "/pushed" not in server.mounts


@pytest.mark.parametrize(
    "methods", [("digest-sha256", "digest-md5", "basic"), ("digest-md5",), ("basic",)]
)
async def test_a_user_logs_in(start_server: ServerFactory, methods: tuple[str, ...]) -> None:
    settings = Settings(access=replace(ACCESS, methods=tuple(map(AuthMethod, methods))))
    server = await start_server(settings=settings)
    async with published(server):
        client = RtspClient(server.play_url("/cam"), username=USER, password=PASSWORD)
        async with client:
            assert_unbroken(await played(client, 4))


async def test_credentials_stand_in_the_url_as_they_are(start_server: ServerFactory) -> None:
    server = await start_server(settings=Settings(access=ACCESS))
    url = server.play_url("/cam").replace("//", f"//{USER}:{PASSWORD.replace('%', '%25')}@")
    async with published(server), RtspClient(url) as client:
        assert PASSWORD not in client.url
        assert_unbroken(await played(client, 4))


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({}, "no user name and password were given"),
        ({"username": USER, "password": "guess"}, "the user name or the password is wrong"),
    ],
)
async def test_wrong_credentials_are_named(
    start_server: ServerFactory, chosen: dict[str, Any], words: str
) -> None:
    server = await start_server(settings=Settings(access=ACCESS))
    async with published(server), RtspClient(server.play_url("/cam"), **chosen) as client:
        with pytest.raises(CredentialsError, match=words) as caught:
            await client.describe()
    assert caught.value.status == 401
    assert not caught.value.may_pass
    assert "guess" not in str(caught.value)


async def test_a_mount_that_is_not_there_is_refused(server: RtspServer) -> None:
    async with RtspClient(server.play_url("/nothing")) as client:
        with pytest.raises(RefusedError, match="check the path of the URL") as caught:
            await client.describe()
    assert (caught.value.status, caught.value.step) == (404, "DESCRIBE")


async def test_nobody_listens(server: RtspServer) -> None:
    url = server.play_url("/cam")
    await server.stop()
    async with RtspClient(url) as client:
        with pytest.raises(UnreachableError, match="refused") as caught:
            await client.describe()
    assert caught.value.step == "connect"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_end_of_the_mount_ends_the_iteration(server: RtspServer, transport: str) -> None:
    came = 0
    async with (
        published(server),
        RtspClient(server.play_url("/cam"), transport=transport) as client,
        asyncio.timeout(DEADLINE_S),
    ):
        async for _ in client.play():
            came += 1
            if came == 3:
                await server.close_mount("/cam")
    assert came >= 3


async def test_a_connection_that_breaks_is_an_error(server: RtspServer) -> None:
    async with published(server), RtspClient(server.play_url("/cam")) as client:
        playback = client.play()
        await anext(playback)
        for connection in inside(server).connections:
            connection.abort()
        with pytest.raises(ConnectionLostError):
            await everything(playback)


async def test_two_plays_of_one_client(server: RtspServer) -> None:
    async with published(server), RtspClient(server.play_url("/cam")) as client:
        both = await asyncio.gather(played(client, 10), played(client, 10))
    for packets in both:
        assert_unbroken(packets)


async def test_chosen_tracks_alone_are_set_up(server: RtspServer) -> None:
    async with published(server, sdp=SDP), RtspClient(server.play_url("/cam")) as client:
        async with client.play(tracks=[0]) as playback:
            assert [media.kind for media in playback.presentation.media] == ["video"]
            assert [session.tracks for session in server.sessions.values()][-1] == (0,)
        with pytest.raises(ValueError, match="no track 2; the last is 1"):
            await client.play(tracks=[2]).start()


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"transport": "carrier pigeon"}, "transport is 'carrier pigeon'"),
        ({"answer_timeout_s": 0}, "answer_timeout_s is 0"),
        ({"fingerprint": "12:34"}, "64 hexadecimal digits"),
    ],
)
def test_options_are_checked(chosen: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RtspClient("rtsp://127.0.0.1/cam", **chosen)


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "/cam", "rtsp://u:secret@:99999/"])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="the URL") as caught:
        RtspClient(url)
    assert "secret" not in str(caught.value)
