"""What goes wrong inside costs one request or one connection, and is told where."""

from __future__ import annotations

import socket

import pytest
from inside import inside
from rtsp_peer import SDP, RtspPeer, TcpPublisher, TcpReader, frame, rtp

from headwater import RtspServer
from headwater.server.connections.connection import Connection
from headwater.transports.interleaved.channels import ChannelConsumer

TCP = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}


async def test_bug_in_a_method_is_500_for_its_request_alone(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_path: str) -> None:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(inside(server).mounts, "get", broken)
    peer = await RtspPeer.connect(server.play_port)
    answer = await peer.ask("DESCRIBE", "rtsp://h/a")
    assert answer.status == 500
    assert b"a bug of ours" not in answer.body
    assert "a bug of ours" in caplog.text
    assert server.counters.request_failures == 1
    assert (await peer.ask("OPTIONS", "*")).status == 200


async def test_bug_in_media_ends_its_connection_alone(
    server: RtspServer, caplog: pytest.LogCaptureFixture
) -> None:
    service = inside(server)
    broken = await TcpPublisher.start(server.publish_port, server.publish_url("/broken"))
    whole = await TcpPublisher.start(server.publish_port, server.publish_url("/whole"))
    reader = await TcpReader.start(server.play_port, server.play_url("/whole"))
    connection = service.publisher_session(broken.session).connection
    assert isinstance(connection, Connection)

    def fail(_: list[bytes], _frames: bytes | None) -> None:
        raise ZeroDivisionError("a bug of ours")

    connection.channels[0] = ChannelConsumer(fail)
    await broken.send()
    await broken.peer.closed()
    assert "a bug of ours" in caplog.text
    sent = await whole.send()
    assert await reader.peer.frame() == (0, sent[0])
    assert broken.session not in server.sessions


@pytest.mark.parametrize(
    ("method", "path", "whose", "status"),
    [
        ("PLAY", "/a", "publisher", 455),
        ("RECORD", "/a", "reader", 455),
        ("PLAY", "/b", "reader", 459),
        ("PAUSE", "/b", "reader", 459),
        ("TEARDOWN", "/b", "reader", 459),
        ("RECORD", "/a", "publisher", 200),
        ("PLAY", "/a", "reader", 200),
    ],
)
async def test_sessions_do_only_what_they_are_there_for(
    server: RtspServer, method: str, path: str, whose: str, status: int
) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    asks = publisher if whose == "publisher" else reader
    headers = {"Session": asks.session}
    answer = await asks.peer.ask(method, server.play_url(path), headers)
    assert answer.status == status
    sent = await publisher.send()
    assert await reader.peer.frame() == (0, sent[0])


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/sdp", 200),
        ("text/html, application/sdp;q=0.5", 200),
        ("*/*", 200),
        ("application/*", 200),
        ("text/html", 406),
    ],
)
async def test_description_comes_as_sdp_or_not_at_all(
    server: RtspServer, accept: str, status: int
) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    peer = await RtspPeer.connect(server.play_port)
    answer = await peer.ask("DESCRIBE", server.play_url("/a"), {"Accept": accept})
    assert answer.status == status


async def test_more_requests_than_the_inbox_holds_are_all_answered(server: RtspServer) -> None:
    peer = await RtspPeer.connect(server.play_port)
    await peer.send(b"".join(peer.request("OPTIONS", "*") for _ in range(90)))
    answers = [await peer.answer() for _ in range(90)]
    assert [answer.header("CSeq") for answer in answers] == [str(n) for n in range(1, 91)]
    assert (await peer.ask("OPTIONS", "*")).status == 200


async def test_peer_that_ends_its_side_still_gets_its_answers(server: RtspServer) -> None:
    peer = await RtspPeer.connect(server.play_port)
    requests = [peer.request("OPTIONS", "*"), peer.request("DESCRIBE", "rtsp://h/none")]
    peer.writer.write(b"".join(requests))
    peer.writer.write_eof()
    assert [(await peer.answer()).status for _ in requests] == [200, 404]
    assert await peer.closed() == b""


async def test_answers_from_a_peer_are_ignored(server: RtspServer) -> None:
    peer = await RtspPeer.connect(server.play_port)
    await peer.send(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")
    assert (await peer.ask("OPTIONS", "*")).status == 200


async def test_reader_may_set_up_some_of_the_tracks(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    peer, url = await RtspPeer.connect(server.play_port), server.play_url("/a")
    setup = await peer.ask("SETUP", f"{url}/trackID=1", TCP)
    assert (await peer.ask("PLAY", f"{url}/trackID=1", {"Session": setup.session})).status == 200
    await publisher.peer.send(frame(0, rtp(1)) + frame(2, rtp(2)))
    assert await peer.frame() == (0, rtp(2))


async def test_teardown_while_a_write_blocks_is_done_at_once(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", server.play_port))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"), sock=sock)
    reader.peer.stop_reading()
    payload = b"\x65" + bytes(1400)
    seq = 0
    while not any(one.queued_bytes for one in server.mounts["/a"].readers):
        seq += 20
        packets = [rtp(seq + index, payload=payload) for index in range(20)]
        await publisher.peer.send(b"".join(frame(0, packet) for packet in packets))
        assert (await publisher.peer.ask("OPTIONS", "*")).status == 200
    headers = {"Session": reader.session}
    await reader.peer.send(reader.peer.request("TEARDOWN", reader.url, headers))
    while reader.session in server.sessions:
        assert (await publisher.peer.ask("OPTIONS", "*")).status == 200
    assert server.mounts["/a"].readers == ()
    reader.peer.resume_reading()
    assert (await reader.peer.answer()).status == 200
