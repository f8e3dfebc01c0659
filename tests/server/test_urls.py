"""URLs as real clients write them, against a live server."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from rtsp_peer import SDP, SDP_VIDEO, RtspPeer, TcpPublisher, frame, rtp
from udp_peer import wait_for

from headwater import RtspServer
from headwater.protocol.header.rtp_info import parse_rtp_info

TCP = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}


def at(server: RtspServer, rest: str) -> str:
    return f"rtsp://127.0.0.1:{server.play_port}{rest}"


@pytest.mark.parametrize(
    ("described", "set_up", "played"),
    [
        # ffmpeg: the control behind the query.
        ("/cam?q=1", "/cam?q=1/trackID=1", "/cam?q=1/"),
        # GStreamer: the control before the query.
        ("/cam?q=1", "/cam/trackID=1?q=1", "/cam?q=1"),
        # VLC and live555: with or without a slash at the end, one or two of them.
        ("/cam", "/cam/trackID=1", "/cam/"),
        ("/cam/", "/cam//trackID=1", "/cam/"),
        ("//cam", "/cam/trackID=1/", "//cam"),
        ("/cam", "/cam/trackid=1", "/cam"),
        ("/cam", "/cam/streamid=1", "/cam"),
        ("/%63am", "/cam/trackID=1", "/%63am"),
    ],
)
async def test_every_client_reaches_its_track(
    server: RtspServer, described: str, set_up: str, played: str
) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/cam"), SDP)
    peer = await RtspPeer.connect(server.play_port)
    answer = await peer.ask("DESCRIBE", at(server, described))
    assert answer.status == 200
    base = answer.header("Content-Base") or ""
    assert base == at(server, described.rstrip("/") + "/")
    setup = await peer.ask("SETUP", at(server, set_up), TCP)
    assert setup.status == 200
    headers = {"Session": setup.session}
    play = await peer.ask("PLAY", at(server, played), headers)
    assert play.status == 200
    assert play.header("RTP-Info") == f"url={at(server, set_up)}"
    await publisher.peer.send(frame(0, rtp(1)) + frame(2, rtp(2)))
    assert await peer.frame() == (0, rtp(2))
    assert (await peer.ask("TEARDOWN", at(server, played), headers)).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/a",
        "/a/b/c",
        "/a b",
        "/~me/@home",
        "/grün/größe",
        "/a%2Fb",
        "/trackID",
        "/100%25",
        "/a=b",
    ],
)
async def test_paths_of_all_kinds_can_be_published_and_played(
    server: RtspServer, path: str
) -> None:
    written = quote(path, safe="/~@%=")
    url = at(server, written)
    publisher = await TcpPublisher.start(server.publish_port, url)
    assert len(server.mounts) == 1
    peer = await RtspPeer.connect(server.play_port)
    assert (await peer.ask("DESCRIBE", url)).status == 200
    setup = await peer.ask("SETUP", url.rstrip("/") + "/trackID=0", TCP)
    assert setup.status == 200
    assert (await peer.ask("PLAY", url, {"Session": setup.session})).status == 200
    sent = await publisher.send()
    assert await peer.frame() == (0, sent[0])


@pytest.mark.parametrize(
    "control",
    [
        "a=control:streamid=0",
        "a=control:trackID=1",
        "a=control:video",
        "a=control:rtsp://elsewhere:554/cam/track1",
        "a=control:/cam/track1",
        "a=control:?ctype=video",
        "",
    ],
)
async def test_publishers_own_controls_are_understood(server: RtspServer, control: str) -> None:
    url = server.publish_url("/cam")
    sdp = SDP_VIDEO.replace(
        b"a=control:streamid=0\r\n", (control + "\r\n" if control else "").encode()
    )
    value = control.partition(":")[2]
    uri = value if "://" in value else f"{url}{value}" if value[:1] in "/?" else f"{url}/{value}"
    if value.startswith("/"):
        uri = at(server, value)
    peer = await RtspPeer.connect(server.publish_port)
    announced = await peer.ask("ANNOUNCE", url, {"Content-Type": "application/sdp"}, sdp)
    assert announced.status == 200
    headers = {"Session": announced.session}
    setup = await peer.ask("SETUP", uri, headers | TCP)
    assert setup.status == 200, setup
    assert (await peer.ask("RECORD", url, headers)).status == 200
    await peer.send(frame(0, rtp(1)))
    assert (await peer.ask("OPTIONS", "*")).status == 200
    assert server.mounts["/cam"].tracks[0].packets == 1


async def test_setup_without_control_means_the_only_track(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/ts"))
    peer = await RtspPeer.connect(server.play_port)
    assert (await peer.ask("SETUP", at(server, "/ts"), TCP)).status == 200


async def test_mount_named_like_a_control_is_a_mount(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a/trackID=0"))
    peer = await RtspPeer.connect(server.play_port)
    setup = await peer.ask("SETUP", at(server, "/a/trackID=0/trackID=0"), TCP)
    assert setup.status == 200
    assert server.sessions[setup.session].path == "/a/trackID=0"


async def test_path_alone_is_a_url_too(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await publisher.send()
    peer = await RtspPeer.connect(server.play_port)
    assert (await peer.ask("DESCRIBE", "/a")).status == 200
    setup = await peer.ask("SETUP", "/a/trackID=0", TCP)
    play = await peer.ask("PLAY", "/a", {"Session": setup.session})
    assert play.status == 200
    assert (play.header("RTP-Info") or "").startswith("url=/a/trackID=0;")


async def test_credentials_in_the_url_are_not_repeated(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await publisher.send()
    peer = await RtspPeer.connect(server.play_port)
    url = f"rtsp://me:pass%40word@127.0.0.1:{server.play_port}/a"
    answer = await peer.ask("DESCRIBE", url)
    assert answer.status == 200
    assert answer.header("Content-Base") == at(server, "/a/")
    assert b"pass" not in answer.body
    setup = await peer.ask("SETUP", f"{url}/trackID=0", TCP)
    play = await peer.ask("PLAY", url, {"Session": setup.session})
    assert (play.header("RTP-Info") or "").startswith(f"url={at(server, '/a/trackID=0')};")


@pytest.mark.parametrize(
    ("set_up", "played"),
    [
        ("/a?token=x/trackID=%d", "/a?token=x/"),
        ("/a/trackID=%d?token=x", "/a?token=x"),
        ("//a/streamid=%d/", "/a"),
    ],
)
async def test_rtp_info_names_tracks_by_the_urls_they_were_set_up_by(
    server: RtspServer, caplog: pytest.LogCaptureFixture, set_up: str, played: str
) -> None:
    caplog.set_level("DEBUG")
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    await publisher.peer.send(frame(0, rtp(7)) + frame(2, rtp(9)))
    await wait_for(lambda: server.mounts["/a"].tracks[1].packets == 1)
    peer = await RtspPeer.connect(server.play_port)
    headers: dict[str, str] = {}
    for track in (0, 1):
        transport = {"Transport": f"RTP/AVP/TCP;unicast;interleaved={2 * track}-{2 * track + 1}"}
        setup = await peer.ask("SETUP", at(server, set_up % track), transport | headers)
        headers = {"Session": setup.session}
    play = await peer.ask("PLAY", at(server, played), headers)
    urls = [entry.url for entry in parse_rtp_info(play.header("RTP-Info") or "")]
    assert urls == [at(server, set_up % 0), at(server, set_up % 1)]
    assert "token" not in caplog.text


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("rtsp://h/../a", 403),
        ("rtsp://h/a/./b", 403),
        ("rtsp://h/%2e%2E/a", 403),
        ("rtsp://h/a\\b", 403),
        ("rtsp://h/a%5cb", 403),
        ("rtsp://h/a%00b", 400),
        ("rtsp://h/a%0ab", 400),
        ("rtsp://h/%ff", 400),
        ("rtsp://h:99999/a", 400),
        ("rtsp:///a", 400),
        ("http://h/a", 400),
        ("nonsense", 400),
        ("*", 400),
    ],
)
@pytest.mark.parametrize("method", ["DESCRIBE", "ANNOUNCE", "SETUP"])
async def test_paths_cannot_leave_their_name_space(
    server: RtspServer, method: str, uri: str, status: int
) -> None:
    peer = await RtspPeer.connect(server.play_port)
    body = SDP_VIDEO if method == "ANNOUNCE" else b""
    answer = await peer.ask(method, uri, TCP, body)
    assert answer.status == status
    assert answer.body.strip()
    assert (await peer.ask("OPTIONS", uri)).status == 200
    assert not server.sessions


@pytest.mark.parametrize(
    ("recorded", "played"),
    [
        ("clock=20240101T000000Z-", "clock=20240101T000000Z-"),
        ("npt=0.000-", "npt=0.000-"),
        ("npt=0-120", "npt=now-"),
        ("npt=-120", "npt=now-"),
        ("", "npt=now-"),
        ("nonsense", "npt=now-"),
    ],
)
async def test_range_of_record_is_handed_to_play_where_it_has_no_end(
    server: RtspServer, recorded: str, played: str
) -> None:
    url = server.publish_url("/a")
    peer = await RtspPeer.connect(server.publish_port)
    announced = await peer.ask("ANNOUNCE", url, {"Content-Type": "application/sdp"}, SDP_VIDEO)
    headers = {"Session": announced.session}
    await peer.ask("SETUP", f"{url}/streamid=0", headers | TCP)
    assert (await peer.ask("RECORD", url, headers | {"Range": recorded})).status == 200
    reader = await RtspPeer.connect(server.play_port)
    setup = await reader.ask("SETUP", f"{url}/trackID=0", TCP)
    play = await reader.ask("PLAY", url, {"Session": setup.session})
    assert play.header("Range") == played
