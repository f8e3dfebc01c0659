"""Requests as they come: what is refused, with which status, and who stays unharmed."""

from __future__ import annotations

import pytest
from rtsp_peer import SDP, SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader, frame, rtp

from headwater import RtspServer


async def test_options_lists_methods_and_needs_no_session(server: RtspServer) -> None:
    peer = await RtspPeer.connect(server.play_port)
    answer = await peer.ask("OPTIONS", server.play_url("/x"))
    assert answer.status == 200
    public = (answer.header("Public") or "").split(", ")
    assert {"ANNOUNCE", "DESCRIBE", "SETUP", "PLAY", "RECORD", "PAUSE", "TEARDOWN"} <= set(public)
    assert {"GET_PARAMETER", "SET_PARAMETER", "OPTIONS"} <= set(public)


async def test_options_of_star_is_answered(server: RtspServer) -> None:
    peer = await RtspPeer.connect(server.play_port)
    assert (await peer.ask("OPTIONS", "*")).status == 200


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("OPTIONS rtsp://h/x RTSP/1.0\r\n\r\n", 400),
        ("OPTIONS rtsp://h/x RTSP/1.0\r\nCSeq: seven\r\n\r\n", 400),
        ("OPTIONS rtsp://h/x RTSP/2.0\r\nCSeq: 1\r\n\r\n", 505),
        ("BREW rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\n\r\n", 501),
        ("REDIRECT rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\n\r\n", 501),
        ("DESCRIBE rtsp://h/nobody RTSP/1.0\r\nCSeq: 1\r\n\r\n", 404),
        ("DESCRIBE rtsp://h/x/../y RTSP/1.0\r\nCSeq: 1\r\n\r\n", 403),
        ("DESCRIBE rtsp://h/x/%2e%2e/y RTSP/1.0\r\nCSeq: 1\r\n\r\n", 403),
        ("DESCRIBE * RTSP/1.0\r\nCSeq: 1\r\n\r\n", 400),
        ("DESCRIBE rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nRequire: fancy\r\n\r\n", 551),
        ("PLAY rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nSession: nosuch\r\n\r\n", 454),
        ("RECORD rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nSession: nosuch\r\n\r\n", 454),
        ("PAUSE rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nSession: nosuch\r\n\r\n", 454),
        ("TEARDOWN rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nSession: nosuch\r\n\r\n", 454),
        ("PLAY rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\n\r\n", 454),
        ("GET_PARAMETER rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\n\r\n", 200),
        ("GET_PARAMETER rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 4\r\n\r\nfoo\n", 200),
        ("SET_PARAMETER rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 4\r\n\r\na: b", 451),
        ("SET_PARAMETER rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 2\r\n\r\n\r\n", 200),
        ("SETUP rtsp://h/x/trackID=0 RTSP/1.0\r\nCSeq: 1\r\n\r\n", 400),
        (
            (
                "SETUP rtsp://h/x/trackID=0 RTSP/1.0\r\nCSeq: 1\r\n"
                "Transport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n"
            ),
            404,
        ),
        (
            (
                "ANNOUNCE rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nContent-Type: text/html\r\n"
                "Content-Length: 2\r\n\r\nhi"
            ),
            415,
        ),
        (
            (
                "ANNOUNCE rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\n"
                "Content-Length: 5\r\n\r\nv=0\r\n"
            ),
            400,
        ),
        ("ANNOUNCE rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 9999999\r\n\r\n", 413),
    ],
)
async def test_refusals_name_a_reason_and_leave_others_alone(
    server: RtspServer, request_text: str, status: int
) -> None:
    url = server.publish_url("/good")
    publisher = await TcpPublisher.start(server.publish_port, url)
    reader = await TcpReader.start(server.play_port, server.play_url("/good"))

    peer = await RtspPeer.connect(server.play_port)
    await peer.send(request_text.encode())
    answer = await peer.answer()
    assert answer.status == status
    if status >= 400 and status != 451:
        assert answer.body.strip(), "a refusal says why"

    sent = await publisher.send(2)
    assert [await reader.peer.frame() for _ in sent] == [(0, packet) for packet in sent]


async def test_unknown_method_keeps_the_connection(server: RtspServer) -> None:
    peer = await RtspPeer.connect(server.play_port)
    assert (await peer.ask("BREW", "rtsp://h/x")).status == 501
    assert (await peer.ask("OPTIONS", "rtsp://h/x")).status == 200


async def test_a_stream_that_is_no_rtsp_is_answered_and_closed(server: RtspServer) -> None:
    peer = await RtspPeer.connect(server.play_port)
    await peer.send(b"\x00\x01\x02 this is no request\r\n\r\n")
    assert (await peer.closed()).startswith(b"RTSP/1.0 400 ")


@pytest.mark.parametrize(
    ("head", "status", "closes"),
    [
        ("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nno colon here\r\n", 400, True),
        ("OPTIONS *\r\nCSeq: 1\r\n", 400, True),
        ("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -1\r\n", 400, True),
        ("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: x\r\n", 400, True),
        ("OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n", 505, False),
        ("OPTIONS * RTSP/1.0\r\nX: no CSeq\r\n", 400, False),
    ],
)
async def test_malformed_request_is_told_what_was_wrong_then_closed(
    server: RtspServer, head: str, status: int, closes: bool
) -> None:
    peer = await RtspPeer.connect(server.play_port)
    await peer.send(f"{head}\r\n".encode())
    answer = await peer.answer()
    assert answer.status == status
    assert answer.body.strip()
    if closes:
        assert await peer.closed() == b""
    else:
        assert (await peer.ask("OPTIONS", "*")).status == 200


@pytest.mark.parametrize(
    "request_text",
    [
        "OPTIONS * RTSP/1.0\r\nCSeq:7\r\n\r\n",
        "OPTIONS * RTSP/1.0\r\ncseq:    7   \r\n\r\n",
        "OPTIONS * RTSP/1.0\nCSEQ: 7\n\n",
        "\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n",
        "OPTIONS * RTSP/1.0\r\nCSeq: 7\r\nContent-Length: 5\r\n\r\n$\0\0\1x",
    ],
)
async def test_requests_in_any_writing_are_read(server: RtspServer, request_text: str) -> None:
    peer = await RtspPeer.connect(server.play_port)
    for _ in range(2):
        await peer.send(request_text.encode())
        answer = await peer.answer()
        assert (answer.status, answer.header("CSeq")) == (200, "7")


async def test_garbage_between_frames_is_skipped(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    # What follows shows that the frame behind the garbage is one.
    garbage = b"\x00\x01\x02"
    await publisher.peer.send(frame(0, rtp(1)) + garbage + frame(0, rtp(2)) + frame(0, rtp(3)))
    assert [await reader.peer.frame() for _ in range(3)] == [(0, rtp(n)) for n in (1, 2, 3)]
    assert (await publisher.peer.ask("OPTIONS", "*")).status == 200


async def test_pipelined_requests_are_answered_in_order(server: RtspServer) -> None:
    peer = await RtspPeer.connect(server.play_port)
    requests = [peer.request("OPTIONS", "*"), peer.request("DESCRIBE", "rtsp://h/none")]
    requests.append(peer.request("OPTIONS", "*"))
    await peer.send(b"".join(requests))
    answers = [await peer.answer() for _ in requests]
    assert [(a.header("CSeq"), a.status) for a in answers] == [("1", 200), ("2", 404), ("3", 200)]


async def test_a_request_split_at_every_byte_is_one_request(server: RtspServer) -> None:
    peer = await RtspPeer.connect(server.play_port)
    for byte in peer.request("OPTIONS", "*", {"User-Agent": "slow"}):
        await peer.send(bytes([byte]))
    assert (await peer.answer()).status == 200


async def test_a_request_right_behind_a_frame_is_answered(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    peer = publisher.peer
    ping = peer.request("OPTIONS", "*", {"Session": publisher.session})
    await peer.send(frame(0, rtp(1)) + ping + frame(0, rtp(2)))
    assert (await peer.answer()).status == 200
    assert server.mounts["/a"].tracks[0].packets == 2


async def test_media_in_the_segment_of_record_is_not_lost(server: RtspServer) -> None:
    url = server.publish_url("/early")
    peer = await RtspPeer.connect(server.publish_port)
    announced = await peer.ask("ANNOUNCE", url, {"Content-Type": "application/sdp"}, SDP_VIDEO)
    headers = {"Session": announced.session}
    transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"}
    assert (await peer.ask("SETUP", f"{url}/streamid=0", headers | transport)).status == 200
    record = peer.request("RECORD", url, headers)
    ping = peer.request("OPTIONS", "*")
    await peer.send(record + frame(0, rtp(1)) + frame(0, rtp(2)) + ping)
    assert [(await peer.answer()).status for _ in range(2)] == [200, 200]
    assert server.mounts["/early"].tracks[0].packets == 2


async def test_wrong_port_gets_405_with_allow_and_the_right_port(
    two_port_server: RtspServer,
) -> None:
    server = two_port_server
    publish = await RtspPeer.connect(server.publish_port)
    answer = await publish.ask("DESCRIBE", server.publish_url("/x"))
    assert answer.status == 405
    assert "ANNOUNCE" in (answer.header("Allow") or "")
    assert "DESCRIBE" not in (answer.header("Allow") or "")
    assert str(server.play_port).encode() in answer.body

    play = await RtspPeer.connect(server.play_port)
    answer = await play.ask(
        "ANNOUNCE", server.play_url("/x"), {"Content-Type": "application/sdp"}, SDP
    )
    assert answer.status == 405
    assert "PLAY" in (answer.header("Allow") or "")
    assert str(server.publish_port).encode() in answer.body


async def test_two_ports_relay_between_them(two_port_server: RtspServer) -> None:
    server = two_port_server
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/x"))
    reader = await TcpReader.start(server.play_port, server.play_url("/x"))
    sent = await publisher.send(3)
    assert [await reader.peer.frame() for _ in sent] == [(0, packet) for packet in sent]
