"""Readers over TCP and UDP: what they get, in which order, and what ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from inside import inside
from rtsp_peer import (
    DEADLINE_S,
    SDP,
    SDP_VIDEO,
    RtspPeer,
    TcpPublisher,
    TcpReader,
    frame,
    rtp,
)
from udp_peer import UdpReader, wait_for

from headwater import MountSettings, RtspServer, Settings
from headwater.media.settings import SecondPublisher

ServerFactory = Callable[..., Awaitable[RtspServer]]


async def test_description_is_ours_where_it_must_be(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/cam/1"), SDP)
    peer = await RtspPeer.connect(server.play_port)
    answer = await peer.ask("DESCRIBE", server.play_url("/cam/1"))
    assert answer.header("Content-Type") == "application/sdp"
    assert answer.header("Content-Base") == server.play_url("/cam/1") + "/"
    text = answer.body.decode()
    assert "a=control:trackID=0" in text
    assert "a=control:trackID=1" in text
    assert "streamid" not in text
    assert "a=fmtp:96 packetization-mode=1" in text


async def test_play_answers_before_the_first_frame_and_tells_the_truth(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    for count in range(1, 4):
        sent = await publisher.send()
        await wait_for(lambda: server.mounts["/a"].tracks[0].packets == count)  # noqa: B023
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    assert reader.peer.frames == []
    channel, first = await reader.peer.frame()
    assert (channel, first) == (0, sent[-1])
    info = reader.play.header("RTP-Info")
    assert info == f"url={server.play_url('/a')}/trackID=0;seq=2;rtptime=6000"
    assert reader.play.header("Range") == "npt=0.000-"


async def vlc_set_up(server: RtspServer) -> tuple[TcpPublisher, RtspPeer, str, str]:
    """A publisher whose first packet is kept, and VLC, its URL and session, before its PLAY."""
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await publisher.send()
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets == 1)
    peer, url = await RtspPeer.connect(server.play_port), server.play_url("/a")
    setup = await peer.ask(
        "SETUP",
        f"{url}/trackID=0",
        {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1", "User-Agent": "LibVLC/3.0.24"},
    )
    return publisher, peer, url, setup.session


async def vlc_playing(server: RtspServer) -> tuple[TcpPublisher, TcpReader]:
    publisher, peer, url, session = await vlc_set_up(server)
    play = await peer.ask("PLAY", url, {"Session": session})
    return publisher, TcpReader(peer, url, session, play)


async def test_kept_packets_for_vlc_come_a_little_later_without_a_gap(server: RtspServer) -> None:
    publisher, reader = await vlc_playing(server)
    assert ";seq=0;" in (reader.play.header("RTP-Info") or "")
    for seq in (1, 2):
        await publisher.peer.send(frame(0, rtp(seq, payload=b"\x41no key frame")))
    packets = [(await reader.peer.frame())[1] for _ in range(3)]
    assert [packet[3] for packet in packets] == [0, 1, 2]


async def test_vlc_that_pauses_at_once_and_goes_on_gets_kept_packets_once(
    server: RtspServer,
) -> None:
    publisher, peer, url, named = await vlc_set_up(server)
    session = {"Session": named}
    together = [peer.request(method, url, session) for method in ("PLAY", "PAUSE", "PLAY")]
    await peer.send(b"".join(together))
    assert [(await peer.answer()).status for _ in together] == [200] * 3
    packets = [(await peer.frame())[1]]
    await publisher.peer.send(frame(0, rtp(1, payload=b"\x41no key frame")))
    packets.append((await peer.frame())[1])
    assert [packet[3] for packet in packets] == [0, 1]


async def test_vlc_that_leaves_before_the_kept_packets_gets_none(server: RtspServer) -> None:
    _, reader = await vlc_playing(server)
    await reader.peer.ask("TEARDOWN", reader.url, {"Session": reader.session})
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, over.set)
    await over.wait()
    assert server.mounts["/a"].readers == ()
    assert reader.peer.frames == []


async def test_play_while_playing_tells_where_the_reader_is(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await publisher.send()
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets == 1)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    for seq in (1, 2):
        await publisher.peer.send(frame(0, rtp(seq, payload=b"\x41no key frame")))
    for _ in range(3):
        await reader.peer.frame()
    again = await reader.peer.ask("PLAY", reader.url, {"Session": reader.session})
    assert ";seq=3" in (again.header("RTP-Info") or "")
    await publisher.peer.send(frame(0, rtp(3, payload=b"\x41no key frame")))
    assert await reader.peer.frame() == (0, rtp(3, payload=b"\x41no key frame"))


@pytest.mark.parametrize(
    ("url_of_setup", "url_of_play", "first_seq"),
    [
        ("{url}/trackID=0", "{url}", 0),
        ("{url}?instant_start=0/trackID=0", "{url}", 2),
        ("{url}/trackID=0?instant_start=off", "{url}", 2),
        ("{url}/trackID=0?instant_start=perhaps", "{url}", 0),
        ("{url}/trackID=0", "{url}?instant_start=0", 2),
        ("{url}/trackID=0?instant_start=0", "{url}?instant_start=1", 0),
        ("{url}/trackID=0?instant_start=0", "{url}?instant_start=perhaps", 2),
    ],
)
async def test_reader_may_choose_where_it_begins(
    server: RtspServer, url_of_setup: str, url_of_play: str, first_seq: int
) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    sent = [rtp(0), rtp(1, payload=b"\x41no key frame"), rtp(2, payload=b"\x41no key frame")]
    for packet in sent[:2]:
        await publisher.peer.send(frame(0, packet))
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets == 2)
    url = server.play_url("/a")
    peer = await RtspPeer.connect(server.play_port)
    transport = {"Transport": "RTP/AVP/TCP;interleaved=0-1"}
    setup = await peer.ask("SETUP", url_of_setup.format(url=url), transport)
    play = await peer.ask("PLAY", url_of_play.format(url=url), {"Session": setup.session})
    assert f";seq={first_seq};" in (play.header("RTP-Info") or "")
    await publisher.peer.send(frame(0, sent[2]))
    assert await peer.frame() == (0, sent[first_seq])


async def test_udp_reader_gets_packets_from_the_port_it_was_told(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    url = server.play_url("/a")
    peer, reader = await RtspPeer.connect(server.play_port), UdpReader()
    setup = await reader.setup(peer, url)
    assert setup.status == 200
    transport = setup.header("Transport") or ""
    assert f"client_port={reader.port}-{reader.port + 1}" in transport
    server_port = int(transport.partition("server_port=")[2].partition("-")[0])
    assert server_port % 2 == 0
    assert (await peer.ask("PLAY", url, {"Session": setup.session})).status == 200
    sent = await publisher.send(2)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(DEADLINE_S):
        got = [await loop.sock_recvfrom(reader.rtp, 65536) for _ in sent]
    assert [packet for packet, _ in got] == sent
    assert {address[1] for _, address in got} == {server_port}
    reader.close()


async def test_many_udp_readers_share_one_pair(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    url = server.play_url("/a")
    peers = [await RtspPeer.connect(server.play_port) for _ in range(5)]
    readers = [UdpReader() for _ in peers]
    transports = [
        (await reader.setup(peer, url)).header("Transport") or ""
        for peer, reader in zip(peers, readers, strict=True)
    ]
    assert len({text.partition("server_port=")[2].partition(";")[0] for text in transports}) == 1
    for reader in readers:
        reader.close()


async def test_pause_stops_and_play_starts_again(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    sent = await publisher.send()
    assert await reader.peer.frame() == (0, sent[0])
    headers = {"Session": reader.session}
    for _ in range(2):
        assert (await reader.peer.ask("PAUSE", reader.url, headers)).status == 200
    await publisher.send()
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets == 2)
    await publisher.send()
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets == 3)
    assert reader.peer.frames == []
    for _ in range(2):
        assert (await reader.peer.ask("PLAY", reader.url, headers)).status == 200
    assert await reader.peer.frame() == (0, rtp(2))


async def test_one_track_of_two_may_be_torn_down(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"), tracks=2)
    headers = {"Session": reader.session}
    answer = await reader.peer.ask("PAUSE", f"{reader.url}/trackID=1", headers)
    assert answer.status == 460
    answer = await reader.peer.ask("TEARDOWN", f"{reader.url}/trackID=0", headers)
    assert answer.status == 200
    await publisher.peer.send(frame(0, rtp(1)) + frame(2, rtp(9)))
    assert await reader.peer.frame() == (2, rtp(9))
    assert (await reader.peer.ask("TEARDOWN", reader.url, headers)).status == 200
    assert (await reader.peer.ask("PLAY", reader.url, headers)).status == 454


@pytest.mark.parametrize("leave", ["close", "abort", "teardown"])
async def test_every_way_out_frees_the_reader(server: RtspServer, leave: str) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    assert len(server.mounts["/a"].readers) == 1
    match leave:
        case "close":
            await reader.peer.close()
        case "abort":
            reader.peer.abort()
        case _:
            await reader.peer.ask("TEARDOWN", reader.url, {"Session": reader.session})
    await wait_for(lambda: not server.mounts["/a"].readers)
    await wait_for(lambda: len(server.sessions) == 1)


async def test_transport_alternatives_and_refusals(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    url = server.play_url("/a")
    for transport, status in (
        ("RAW/RAW/UDP;unicast;client_port=5-6,RTP/AVP/TCP;unicast;interleaved=4-5", 200),
        ("RTP/AVP/TCP;unicast", 200),
        ("RTP/SAVP;unicast;client_port=40000-40001", 461),
        ("RTP/AVP;multicast", 461),
        ("RTP/AVP;unicast", 400),
        ("RTP/AVP;unicast;client_port=0-70000", 400),
        ("RTP/AVP;unicast;destination=192.0.2.7;client_port=40000-40001", 463),
    ):
        peer = await RtspPeer.connect(server.play_port)
        answer = await peer.ask("SETUP", f"{url}/trackID=0", {"Transport": transport})
        assert answer.status == status, (transport, answer)
        await peer.close()


async def test_tracks_of_one_session_share_transport_and_mount(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    await TcpPublisher.start(server.publish_port, server.publish_url("/b"), SDP)
    url = server.play_url("/a")
    peer, reader = await RtspPeer.connect(server.play_port), UdpReader()
    setup = await peer.ask(
        "SETUP", f"{url}/trackID=0", {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
    )
    session = {"Session": setup.session}
    assert (await reader.setup(peer, url, 1, **session)).status == 461
    other = f"{server.play_url('/b')}/trackID=0"
    transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=2-3"}
    assert (await peer.ask("SETUP", other, session | transport)).status == 459
    assert (await peer.ask("SETUP", url, session | transport)).status == 459
    assert (await peer.ask("SETUP", f"{url}/trackID=7", session | transport)).status == 404
    reader.close()


async def test_same_ports_twice_are_refused_with_461(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    url = server.play_url("/a")
    first, second = [await RtspPeer.connect(server.play_port) for _ in range(2)]
    reader = UdpReader()
    assert (await reader.setup(first, url)).status == 200
    assert (await reader.setup(second, url)).status == 461
    transport = {"Transport": f"RTP/AVP;unicast;client_port={reader.port}-{reader.port + 7}"}
    assert (await second.ask("SETUP", f"{url}/trackID=0", transport)).status == 461
    reader.close()


async def test_ports_of_a_reader_that_is_gone_serve_the_next(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    url = server.play_url("/a")
    first, second = [await RtspPeer.connect(server.play_port) for _ in range(2)]
    reader = UdpReader()
    gone = (await reader.setup(first, url)).session
    assert (await first.ask("PLAY", url, {"Session": gone})).status == 200
    first.abort()
    session = inside(server).reader_session(gone)
    await wait_for(lambda: session.orphaned_s is not None)
    setup = await reader.setup(second, url)
    assert setup.status == 200
    assert gone not in server.sessions
    assert (await second.ask("PLAY", url, {"Session": setup.session})).status == 200
    sent = await publisher.send()
    assert await reader.packet() == sent[0]
    reader.close()


async def test_udp_session_moves_to_a_new_connection(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    url = server.play_url("/a")
    peer, reader = await RtspPeer.connect(server.play_port), UdpReader()
    setup = await reader.setup(peer, url)
    headers = {"Session": setup.session}
    await peer.ask("PLAY", url, headers)
    await peer.close()
    moved = await RtspPeer.connect(server.play_port)
    assert (await moved.ask("GET_PARAMETER", url, headers)).status == 200
    # It has a connection again, so its ports are no longer for the next who asks.
    stranger = await RtspPeer.connect(server.play_port)
    assert (await reader.setup(stranger, url)).status == 461
    sent = await publisher.send()
    assert await reader.packet() == sent[0]
    assert (await moved.ask("TEARDOWN", url, headers)).status == 200
    assert not server.mounts["/a"].readers
    reader.close()


async def test_publisher_gone_without_grace_says_bye_and_closes(
    start_server: ServerFactory,
) -> None:
    settings = Settings(mounts=MountSettings(grace_s=0))
    server = await start_server(settings=settings)
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    sent = await publisher.send()
    assert await reader.peer.frame() == (0, sent[0])
    await publisher.peer.close()
    channel, packet = await reader.peer.frame()
    # RFC 3550 §6.1: a compound packet begins with a report, here an empty one of 8 bytes.
    assert (channel, packet[1], packet[9]) == (1, 201, 203)
    assert await reader.peer.closed() == b""
    assert not server.mounts
    assert not server.sessions


async def test_readers_stay_through_a_publishers_return(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    await publisher.send(2)
    before = [(await reader.peer.frame())[1] for _ in range(2)]
    await publisher.peer.close()
    await wait_for(lambda: server.mounts["/a"].state == "grace")
    again = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    again.seq = 500
    await again.send(2)
    after = [(await reader.peer.frame())[1] for _ in range(2)]
    assert [int.from_bytes(p[2:4], "big") for p in before + after] == [0, 1, 2, 3]
    assert {p[8:12] for p in before + after} == {before[0][8:12]}


async def test_frames_on_unknown_channels_and_after_pause_are_ignored(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await publisher.peer.send(frame(77, rtp(1)))
    headers = {"Session": publisher.session}
    assert (await publisher.peer.ask("PAUSE", publisher.url, headers)).status == 200
    await publisher.peer.send(frame(0, rtp(2)))
    assert (await publisher.peer.ask("OPTIONS", "*", headers)).status == 200
    assert "/a" not in server.mounts


async def test_reader_of_a_mount_that_is_not_there_reserves_nothing(server: RtspServer) -> None:
    peer = await RtspPeer.connect(server.play_port)
    for _ in range(3):
        assert (await peer.ask("DESCRIBE", server.play_url("/later"))).status == 404
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/later"))
    assert (await peer.ask("DESCRIBE", server.play_url("/later"))).status == 200
    await publisher.peer.close()


async def test_second_publisher_is_refused_and_the_first_goes_on(server: RtspServer) -> None:
    url = server.publish_url("/a")
    first = await TcpPublisher.start(server.publish_port, url)
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    peer = await RtspPeer.connect(server.publish_port)
    answer = await peer.ask("ANNOUNCE", url, {"Content-Type": "application/sdp"}, SDP_VIDEO)
    assert answer.status == 503
    sent = await first.send()
    assert await reader.peer.frame() == (0, sent[0])


@pytest.mark.parametrize("names_its_session", [True, False])
async def test_session_whose_mount_was_replaced_gets_no_track_of_the_new_one(
    start_server: ServerFactory, names_its_session: bool
) -> None:
    replace = MountSettings(on_second_publisher=SecondPublisher.REPLACE)
    server = await start_server(settings=Settings(mounts=replace))
    url, play_url = server.publish_url("/a"), server.play_url("/a")
    await TcpPublisher.start(server.publish_port, url, SDP_VIDEO)
    peer = await RtspPeer.connect(server.play_port)
    tcp = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
    first = await peer.ask("SETUP", f"{play_url}/trackID=0", tcp)
    named = {"Session": first.session} if names_its_session else {}
    departures = inside(server).relay.departures
    for crowd in range(50_000):
        # So many end before the reader's turn comes, 16 in a turn of the loop.
        departures.add(crowd, lambda: None)
    await TcpPublisher.start(server.publish_port, url, SDP)
    tcp = {"Transport": "RTP/AVP/TCP;unicast;interleaved=2-3"}
    second = await peer.ask("SETUP", f"{play_url}/trackID=1", tcp | named)
    play = await peer.ask("PLAY", play_url, {"Session": first.session})
    assert departures, "the reader's turn came too early for this test"
    assert (second.status, play.status) == (454, 200)
    assert b"another publisher" in second.body
    assert await peer.closed() == b""
