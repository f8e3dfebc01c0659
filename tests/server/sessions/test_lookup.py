"""Which session a request means, by its header, its connection, or neither."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rtsp_peer import SDP, SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader, frame, rtp
from udp_peer import UdpReader

from headwater import RtspServer

ServerFactory = Callable[..., Awaitable[RtspServer]]

SDP_HEADERS = {"Content-Type": "application/sdp"}
MADE_UP = {"Session": "2494844"}


def tcp(track: int) -> dict[str, str]:
    return {"Transport": f"RTP/AVP/TCP;unicast;interleaved={2 * track}-{2 * track + 1}"}


async def test_an_empty_session_header_is_none(server: RtspServer) -> None:
    empty, url = {"Session": ""}, server.publish_url("/a")
    publisher = await RtspPeer.connect(server.publish_port)
    for method, uri, headers, body in (
        ("OPTIONS", url, {}, b""),
        ("ANNOUNCE", url, SDP_HEADERS, SDP_VIDEO),
        ("SETUP", f"{url}/streamid=0", tcp(0), b""),
        ("RECORD", url, {}, b""),
        ("GET_PARAMETER", url, {}, b""),
    ):
        answer = await publisher.ask(method, uri, headers | empty, body)
        assert answer.status == 200, (method, answer)
    reader = await RtspPeer.connect(server.play_port)
    for method, uri, headers in (
        ("DESCRIBE", url, {}),
        ("SETUP", f"{url}/trackID=0", tcp(0)),
        ("PLAY", url, {}),
        ("PAUSE", url, {}),
        ("TEARDOWN", url, {}),
    ):
        answer = await reader.ask(method, uri, headers | empty)
        assert answer.status == 200, (method, answer)
    assert len(server.sessions) == 1


async def test_a_publisher_goes_on_with_the_id_it_made_up(server: RtspServer) -> None:
    url = server.publish_url("/a")
    peer = await RtspPeer.connect(server.publish_port)
    assert (await peer.ask("OPTIONS", url, MADE_UP)).status == 200
    announced = await peer.ask("ANNOUNCE", url, SDP_HEADERS | MADE_UP, SDP)
    assert announced.status == 200
    assert announced.session in server.sessions
    again = await peer.ask("ANNOUNCE", url, SDP_HEADERS | MADE_UP, SDP_VIDEO)
    assert again.session == announced.session
    # The id that the server chose is as good.
    setup = await peer.ask("SETUP", f"{url}/streamid=0", tcp(0) | MADE_UP)
    assert (setup.status, setup.session) == (200, announced.session)
    assert (await peer.ask("RECORD", url, {"Session": announced.session})).status == 200
    await peer.send(frame(0, rtp(1)))
    assert (await peer.ask("GET_PARAMETER", url, MADE_UP)).status == 200
    assert server.mounts["/a"].tracks[0].packets == 1
    assert (await peer.ask("TEARDOWN", url, MADE_UP)).status == 200
    assert (await peer.ask("TEARDOWN", url, MADE_UP)).status == 454


async def test_a_made_up_id_is_good_on_its_own_connection_alone(server: RtspServer) -> None:
    url = server.publish_url("/a")
    peer, other = [await RtspPeer.connect(server.publish_port) for _ in range(2)]
    assert (await peer.ask("ANNOUNCE", url, SDP_HEADERS | MADE_UP, SDP_VIDEO)).status == 200
    for method in ("SETUP", "TEARDOWN", "GET_PARAMETER"):
        assert (await other.ask(method, f"{url}/streamid=0", tcp(0) | MADE_UP)).status == 454
    url = server.publish_url("/b")
    assert (await other.ask("ANNOUNCE", url, SDP_HEADERS | MADE_UP, SDP_VIDEO)).status == 200
    assert len(server.sessions) == 2


async def test_announce_with_the_session_of_another_address_is_refused(
    start_server: ServerFactory,
) -> None:
    server = await start_server(host="")
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    stranger = await RtspPeer.connect(server.publish_port, local_addr=("127.0.0.2", 0))
    headers = SDP_HEADERS | {"Session": publisher.session}
    answer = await stranger.ask("ANNOUNCE", server.publish_url("/b"), headers, SDP_VIDEO)
    assert answer.status == 454
    assert b"without the Session header" in answer.body


async def test_setups_sent_together_are_one_session(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    url = server.play_url("/a")
    peer = await RtspPeer.connect(server.play_port)
    requests = [peer.request("SETUP", f"{url}/trackID={track}", tcp(track)) for track in (0, 1)]
    await peer.send(b"".join(requests))
    first, second = [await peer.answer() for _ in range(2)]
    assert (first.status, second.status) == (200, 200)
    assert first.session == second.session
    assert (await peer.ask("PLAY", url, {"Session": first.session})).status == 200
    await publisher.peer.send(frame(0, rtp(1)) + frame(2, rtp(9)))
    assert [await peer.frame() for _ in range(2)] == [(0, rtp(1)), (2, rtp(9))]


@pytest.mark.parametrize("second", ["the same track", "another mount", "over udp", "while playing"])
async def test_a_setup_that_is_a_reading_of_its_own_opens_a_session(
    server: RtspServer, second: str
) -> None:
    for path in ("/a", "/b"):
        await TcpPublisher.start(server.publish_port, server.publish_url(path), SDP)
    url = server.play_url("/a")
    peer = await RtspPeer.connect(server.play_port)
    first = await peer.ask("SETUP", f"{url}/trackID=0", tcp(0))
    setup: Any
    match second:
        case "the same track":
            setup = await peer.ask("SETUP", f"{url}/trackID=0", tcp(1))
        case "another mount":
            setup = await peer.ask("SETUP", f"{server.play_url('/b')}/trackID=1", tcp(1))
        case "over udp":
            setup = await UdpReader().setup(peer, url, 1)
        case _:
            assert (await peer.ask("PLAY", url, {"Session": first.session})).status == 200
            setup = await peer.ask("SETUP", f"{url}/trackID=1", tcp(1))
    assert setup.status == 200
    assert setup.session != first.session


# Wowza, live555 and most cameras count their tracks from 1; readers are told 0 and 1.
FROM_ONE = SDP.replace(b"streamid=1", b"trackID=2").replace(b"streamid=0", b"trackID=1")


async def publish_from_one(server: RtspServer) -> RtspPeer:
    url = server.publish_url("/a")
    peer = await RtspPeer.connect(server.publish_port)
    session = (await peer.ask("ANNOUNCE", url, SDP_HEADERS, FROM_ONE)).session
    headers = {"Session": session}
    for index in (0, 1):
        setup = await peer.ask("SETUP", f"{url}/trackID={index + 1}", headers | tcp(index))
        assert setup.status == 200
    assert (await peer.ask("RECORD", url, headers)).status == 200
    return peer


@pytest.mark.parametrize(("torn_down", "left"), [(0, 1), (1, 0)])
async def test_a_readers_tracks_are_those_it_was_told_of(
    server: RtspServer, torn_down: int, left: int
) -> None:
    publisher = await publish_from_one(server)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"), tracks=2)
    headers = {"Session": reader.session}
    answer = await reader.peer.ask("TEARDOWN", f"{reader.url}/trackID=2", headers)
    assert answer.status == 404
    answer = await reader.peer.ask("TEARDOWN", f"{reader.url}/trackID={torn_down}", headers)
    assert answer.status == 200
    await publisher.send(frame(0, rtp(1)) + frame(2, rtp(9)))
    assert (await reader.peer.frame())[0] == 2 * left


@pytest.mark.parametrize("method", ["PLAY", "PAUSE", "TEARDOWN"])
async def test_a_reader_of_one_track_names_it_as_it_was_told(
    server: RtspServer, method: str
) -> None:
    await publish_from_one(server)
    url = server.play_url("/a")
    peer = await RtspPeer.connect(server.play_port)
    setup = await peer.ask("SETUP", f"{url}/trackID=1", tcp(0))
    headers = {"Session": setup.session}
    for other in (0, 2):
        answer = await peer.ask(method, f"{url}/trackID={other}", headers)
        assert answer.status == 404, answer
        assert answer.body.strip()
    assert (await peer.ask(method, f"{url}/trackID=1", headers)).status == 200


@pytest.mark.parametrize("method", ["PAUSE", "TEARDOWN"])
async def test_a_publisher_names_its_tracks_as_it_announced_them(
    server: RtspServer, method: str
) -> None:
    url = server.publish_url("/a")
    peer = await RtspPeer.connect(server.publish_port)
    sdp = SDP_VIDEO.replace(b"streamid=0", b"video")
    headers = {"Session": (await peer.ask("ANNOUNCE", url, SDP_HEADERS, sdp)).session}
    assert (await peer.ask("SETUP", f"{url}/video", headers | tcp(0))).status == 200
    assert (await peer.ask("RECORD", url, headers)).status == 200
    assert (await peer.ask(method, f"{url}/video", headers)).status == 200
