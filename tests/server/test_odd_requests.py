"""Requests that are odd, not wrong: each is understood, or is told what was wrong."""

from __future__ import annotations

import pytest
from rtsp_peer import SDP, SDP_VIDEO, RtspPeer, TcpPublisher

from headwater import RtspServer

TCP = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
SDP_HEADERS = {"Content-Type": "application/sdp"}

# RFC 2326 §12 and what clients add; CSeq, Transport of SETUP and Content-Length must say something.
HEADERS = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Bandwidth",
    "Blocksize",
    "Cache-Control",
    "Conference",
    "Connection",
    "Content-Base",
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
    "Content-Type",
    "Date",
    "Expires",
    "From",
    "If-Match",
    "If-Modified-Since",
    "Last-Modified",
    "Proxy-Require",
    "Range",
    "Referer",
    "Require",
    "RTP-Info",
    "Scale",
    "Session",
    "Speed",
    "Supported",
    "Timestamp",
    "User-Agent",
    "Via",
    "X-Accept-Dynamic-Rate",
    "x-Retransmit",
)


@pytest.mark.parametrize("name", HEADERS)
async def test_a_header_with_an_empty_value_is_as_if_it_were_not_there(
    server: RtspServer, name: str
) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    empty = {name: ""}
    peer = await RtspPeer.connect(server.publish_port)
    url = server.publish_url("/b")
    for method, uri, headers, body in (
        ("OPTIONS", url, {}, b""),
        ("ANNOUNCE", url, SDP_HEADERS, SDP_VIDEO),
        ("SETUP", f"{url}/streamid=0", TCP, b""),
        ("RECORD", url, {}, b""),
        ("SET_PARAMETER", url, {}, b""),
        ("PAUSE", url, {}, b""),
    ):
        answer = await peer.ask(method, uri, headers | empty, body)
        assert answer.status == 200, (method, answer)
    peer = await RtspPeer.connect(server.play_port)
    url = server.play_url("/a")
    for method, uri, headers in (
        ("DESCRIBE", url, {}),
        ("SETUP", f"{url}/trackID=0", TCP),
        ("PLAY", url, {}),
        ("GET_PARAMETER", url, {}),
        ("TEARDOWN", url, {}),
    ):
        answer = await peer.ask(method, uri, headers | empty)
        assert answer.status == 200, (method, answer)


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("CSeq", 400, b"CSeq header is missing"),
        ("Transport", 400, b"SETUP needs a Transport header"),
        ("Content-Length", 400, b"Content-Length is not a number of bytes"),
    ],
)
async def test_a_header_that_must_say_something_is_named(
    server: RtspServer, name: str, status: int, reason: bytes
) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    headers = {"CSeq": "1"} | TCP | {name: ""}
    lines = [f"{header}: {value}\r\n" for header, value in headers.items()]
    uri = f"{server.play_url('/a')}/trackID=0"
    peer = await RtspPeer.connect(server.play_port)
    await peer.send(f"SETUP {uri} RTSP/1.0\r\n{''.join(lines)}\r\n".encode())
    answer = await peer.answer()
    assert answer.status == status
    assert reason in answer.body


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (None, 200),
        ("", 200),
        ("application/sdp", 200),
        ("Application/SDP", 200),
        ("application/sdp; charset=utf-8", 200),
        ("application/sdp,", 200),
        ("application/x-sdp", 415),
        ("text/html", 415),
    ],
)
async def test_content_type_of_announce(
    server: RtspServer, content_type: str | None, status: int
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    peer = await RtspPeer.connect(server.publish_port)
    answer = await peer.ask("ANNOUNCE", server.publish_url("/a"), headers, SDP_VIDEO)
    assert answer.status == status
    if status == 415:
        assert answer.header("Accept") == "application/sdp"
        assert str(content_type).encode() in answer.body


@pytest.mark.parametrize(
    "request_line",
    [
        "DESCRIBE {url} RTSP/1.0",
        "DESCRIBE  {url}  RTSP/1.0",
        "DESCRIBE {url} RTSP/1.0 ",
        "DESCRIBE {url} rtsp/1.0",
        "DESCRIBE {url} RTSP/1.1",
        "DESCRIBE {upper} RTSP/1.0",
        "DESCRIBE {url}/ RTSP/1.0",
        "DESCRIBE {url}? RTSP/1.0",
        "DESCRIBE /a RTSP/1.0",
    ],
)
@pytest.mark.parametrize("header", ["CSeq: 1", "cseq:1", "CSEQ : 1", "CSeq:\t1\t"])
async def test_a_request_in_another_writing_is_the_same(
    server: RtspServer, request_line: str, header: str
) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    url = server.play_url("/a")
    upper = url.replace("rtsp://127.0.0.1", "RTSP://LOCALHOST")
    peer = await RtspPeer.connect(server.play_port)
    await peer.send(f"{request_line.format(url=url, upper=upper)}\r\n{header}\r\n\r\n".encode())
    answer = await peer.answer()
    assert (answer.status, answer.header("CSeq")) == (200, "1")
    assert b"a=control:trackID=0" in answer.body


@pytest.mark.parametrize(
    "header",
    [
        "Range: npt=now-",
        "Range: npt=0.000-",
        "Range: npt=0-0",
        "Range: npt=-",
        "Range: npt=",
        "Range: NPT = 0 -",
        "Range: clock=20240101T000000Z-",
        "Range: clock=now-",
        "Range: smpte=0:00:00-",
        "Range: bytes=0-",
        "Range: nonsense",
        "Scale: 2.0",
        "Scale: x",
        "Speed: 4",
        "Blocksize: x",
        "Bandwidth: -1",
        "Rate-Control: no",
        "If-Match: 12",
        "Connection: close",
    ],
)
async def test_what_live_media_cannot_do_is_not_refused(server: RtspServer, header: str) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    url = server.play_url("/a")
    peer = await RtspPeer.connect(server.play_port)
    assert (await peer.ask("SETUP", f"{url}/trackID=0", TCP)).status == 200
    name, _, value = header.partition(": ")
    play = await peer.ask("PLAY", url, {name: value})
    assert play.status == 200
    # Where it really begins, whatever was asked for (RFC 2326 §10.5).
    assert play.header("Range") == "npt=0.000-"


async def test_lists_may_come_in_several_headers(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    url = server.play_url("/a")
    peer = await RtspPeer.connect(server.play_port)
    for method, uri, name, values in (
        ("DESCRIBE", url, "Accept", ("application/rtsl", "application/sdp")),
        ("SETUP", f"{url}/trackID=0", "Transport", ("RAW/RAW/UDP;unicast", *TCP.values())),
    ):
        first, second = values
        answer = await peer.ask(method, uri, {name: f"{first}\r\n{name}: {second}"})
        assert answer.status == 200, (method, answer)


async def test_a_star_means_the_session_that_the_header_names(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    peer = await RtspPeer.connect(server.play_port)
    setup = await peer.ask("SETUP", f"{server.play_url('/a')}/trackID=0", TCP)
    headers = {"Session": setup.session}
    for method in ("PLAY", "GET_PARAMETER", "SET_PARAMETER", "PAUSE", "OPTIONS", "TEARDOWN"):
        assert (await peer.ask(method, "*", headers)).status == 200, method
    assert len(server.sessions) == 1


@pytest.mark.parametrize("ending", ["", "/", "/streamid=1", "?x=1", "*"])
async def test_record_is_of_the_session_whatever_url_it_gives(
    server: RtspServer, ending: str
) -> None:
    url = server.publish_url("/a")
    peer = await RtspPeer.connect(server.publish_port)
    headers = {"Session": (await peer.ask("ANNOUNCE", url, SDP_HEADERS, SDP)).session}
    pairs = []
    for index in (0, 1):
        # The same channels twice: the second track gets the next free pair.
        setup = await peer.ask("SETUP", f"{url}/streamid={index}", headers | TCP)
        pairs.append((setup.header("Transport") or "").rpartition("interleaved=")[2])
    assert pairs == ["0-1", "2-3"]
    uri = "*" if ending == "*" else url + ending
    assert (await peer.ask("RECORD", uri, headers)).status == 200
    assert server.mounts["/a"].state == "live"


async def test_record_before_all_setups_says_which_are_missing(server: RtspServer) -> None:
    url = server.publish_url("/a")
    peer = await RtspPeer.connect(server.publish_port)
    headers = {"Session": (await peer.ask("ANNOUNCE", url, SDP_HEADERS, SDP)).session}
    assert (await peer.ask("SETUP", f"{url}/streamid=0", headers | TCP)).status == 200
    answer = await peer.ask("RECORD", url, headers)
    assert answer.status == 455
    assert b"missing: 1" in answer.body


async def test_a_timestamp_comes_back_as_it_was(server: RtspServer) -> None:
    peer = await RtspPeer.connect(server.play_port)
    for method, status in (("OPTIONS", 200), ("BREW", 501)):
        answer = await peer.ask(method, "*", {"Timestamp": "1234.5 x"})
        assert (answer.status, answer.header("Timestamp")) == (status, "1234.5 x")
