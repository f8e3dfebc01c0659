"""The Transport header as clients write it, and what the answer must carry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from own_ports import own_port
from rtsp_peer import SDP, SDP_VIDEO, RtspPeer, TcpPublisher, frame, rtp
from udp_peer import UdpPair, UdpReader, wait_for

from headwater import RtspServer, Settings
from headwater.transports.settings import RtpSettings, TransportKind

ServerFactory = Callable[..., Awaitable[RtspServer]]


async def asked(server: RtspServer, transport: str, track: int = 0) -> tuple[int, str]:
    peer = await RtspPeer.connect(server.play_port)
    uri = server.play_url("/a") + f"/trackID={track}"
    answer = await peer.ask("SETUP", uri, {"Transport": transport})
    return answer.status, answer.header("Transport") or ""


@pytest.mark.parametrize(
    ("transport", "status", "parts"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=0-1", 200, ["RTP/AVP/TCP", "interleaved=0-1"]),
        ("RTP/AVP/TCP;interleaved=4-5;unicast;mode=PLAY", 200, ["interleaved=4-5"]),
        ("rtp/avp/tcp;UNICAST;Interleaved=6-7", 200, ["interleaved=6-7"]),
        ("RTP/AVP/TCP;unicast", 200, ["interleaved=0-1"]),
        ("interleaved=0-1;RTP/AVP/TCP;unicast", 200, ["interleaved=0-1"]),
        ("RTP/AVP;unicast;interleaved=2-3", 200, ["interleaved=2-3"]),
        ('RTP/AVP/TCP;unicast;interleaved=0-1;mode="PLAY"', 200, ["interleaved=0-1"]),
        ("RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=1234567890", 200, ["ssrc=00001234"]),
        ("RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=abc", 200, ["ssrc=00001234"]),
        ("RTP/AVP/TCP;unicast;interleaved=0-1;source=", 200, ["interleaved=0-1"]),
        ("RTP/AVPF/TCP;unicast;interleaved=0-1", 200, ["RTP/AVPF/TCP"]),
        ("X/Y;unicast,RTP/AVP/TCP;unicast;interleaved=0-1", 200, ["interleaved=0-1"]),
        ("RTP/AVP/TCP;unicast;interleaved=0-1,RTP/AVP;unicast;client_port=9-8", 200, ["TCP"]),
        ("RTP/AVP;unicast;client_port=5,RTP/AVP/TCP;unicast;interleaved=0-1", 200, ["unicast"]),
        ("X/Y;unicast", 461, []),
        ("RTP/SAVP/TCP;unicast;interleaved=0-1", 461, []),
        ("RTP/AVP;multicast;client_port=40000-40001", 461, []),
        ("RTP/AVP/TCP;unicast;interleaved=300-301", 400, []),
        ("RTP/AVP/TCP;unicast;interleaved=x", 400, []),
        ("RTP/AVP;unicast;client_port=70000-70001", 400, []),
        ("RTP/AVP;unicast;client_port=0-1;destination=192.0.2.9", 400, []),
        ("RTP/AVP/TCP;unicast;interleaved=", 200, ["interleaved=0-1"]),
        ("RTP/AVP/TCP;unicast;interleaved=4-;ttl=;client_port=", 200, ["interleaved=4-5"]),
        ("RTP/AVP/TCP;unicast;foo=bar;baz;setup=passive", 200, ["interleaved=0-1"]),
        ("RTP/AVP;unicast;client_port=", 400, []),
        (",", 461, []),
        ("", 400, []),
    ],
)
async def test_alternatives_are_read_liberally(
    server: RtspServer, transport: str, status: int, parts: list[str]
) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await publisher.send()
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets == 1)
    got, header = await asked(server, transport)
    assert got == status
    assert [part for part in parts if part not in header] == []


async def test_udp_answer_carries_both_port_pairs_and_the_source(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await publisher.send()
    await wait_for(lambda: server.mounts["/a"].tracks[0].packets == 1)
    pair = UdpPair()
    status, header = await asked(server, f"RTP/AVP/UDP;unicast;{pair.client_port}")
    assert status == 200
    assert pair.client_port in header
    assert f"server_port={own_port(0) // 1000}" in header
    assert "ssrc=00001234" in header


async def test_single_client_port_means_the_pair_from_there(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    pair = UdpReader()
    peer = await RtspPeer.connect(server.play_port)
    uri, url = server.play_url("/a") + "/trackID=0", server.play_url("/a")
    headers = {"Transport": f"RTP/AVP;unicast;client_port={pair.port}"}
    setup = await peer.ask("SETUP", uri, headers)
    assert f"client_port={pair.port}-{pair.port + 1}" in (setup.header("Transport") or "")
    assert (await peer.ask("PLAY", url, {"Session": setup.session})).status == 200
    sent = await publisher.send()
    assert await pair.packet() == sent[0]


async def test_ports_that_are_no_neighbours_are_taken_as_they_are(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    one, two = UdpReader(), UdpReader()
    peer = await RtspPeer.connect(server.play_port)
    url = server.play_url("/a")
    transport = f"RTP/AVP;unicast;client_port={one.port}-{two.port}"
    setup = await peer.ask("SETUP", f"{url}/trackID=0", {"Transport": transport})
    assert setup.status == 200
    assert (await peer.ask("PLAY", url, {"Session": setup.session})).status == 200
    sent = await publisher.send()
    assert await one.packet() == sent[0]
    assert await server.close_session(setup.session) is True


@pytest.mark.parametrize("mode", ["record", "RECORD", '"RECORD"', "receive", '"record"'])
async def test_publishers_modes_are_understood(server: RtspServer, mode: str) -> None:
    url = server.publish_url("/a")
    peer = await RtspPeer.connect(server.publish_port)
    announced = await peer.ask("ANNOUNCE", url, {"Content-Type": "application/sdp"}, SDP_VIDEO)
    headers = {
        "Session": announced.session,
        "Transport": f"RTP/AVP/TCP;unicast;interleaved=0-1;mode={mode}",
    }
    setup = await peer.ask("SETUP", f"{url}/streamid=0", headers)
    assert setup.status == 200
    assert "interleaved=0-1" in (setup.header("Transport") or "")


async def test_setup_again_gives_a_track_its_new_transport(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    url = server.play_url("/a")
    peer, old, new = await RtspPeer.connect(server.play_port), UdpReader(), UdpReader()
    setup = await old.setup(peer, url)
    assert (await new.setup(peer, url, Session=setup.session)).status == 200
    assert server.sessions[setup.session].tracks == (0,)
    assert (await peer.ask("PLAY", url, {"Session": setup.session})).status == 200
    sent = await publisher.send()
    assert await new.packet() == sent[0]
    assert old.nothing_waits()
    assert (await old.setup(peer, url, Session=setup.session)).status == 455, "not while it plays"


async def test_tcp_setup_again_frees_the_old_channels(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    url = server.play_url("/a")
    peer = await RtspPeer.connect(server.play_port)
    headers: dict[str, str] = {}
    for track, pair in ((0, "0-1"), (0, "8-9"), (1, "0-1")):
        transport = {"Transport": f"RTP/AVP/TCP;unicast;interleaved={pair}"}
        setup = await peer.ask("SETUP", f"{url}/trackID={track}", headers | transport)
        assert f"interleaved={pair}" in (setup.header("Transport") or "")
        headers = {"Session": setup.session}
    assert (await peer.ask("PLAY", url, headers)).status == 200
    await publisher.peer.send(frame(0, rtp(1)) + frame(2, rtp(2)))
    assert await peer.frame() == (8, rtp(1))
    assert await peer.frame() == (0, rtp(2))


async def test_channels_in_use_are_replaced_by_free_ones(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    peer = await RtspPeer.connect(server.play_port)
    url = server.play_url("/a")
    transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
    first = await peer.ask("SETUP", f"{url}/trackID=0", transport)
    # Another session on the same connection asks for the same channels.
    second = await peer.ask("SETUP", f"{url}/trackID=0", transport)
    assert first.session != second.session
    assert "interleaved=2-3" in (second.header("Transport") or "")


async def test_kinds_that_are_not_allowed_are_461_and_tcp_is_then_taken(
    start_server: ServerFactory,
) -> None:
    rtp_settings = RtpSettings(
        publish_transports=(TransportKind.TCP,), play_transports=(TransportKind.TCP,)
    )
    server = await start_server(settings=Settings(rtp=rtp_settings))
    url = server.publish_url("/a")
    publisher, pair = await RtspPeer.connect(server.publish_port), UdpPair()
    announced = await publisher.ask("ANNOUNCE", url, {"Content-Type": "application/sdp"}, SDP_VIDEO)
    headers = {"Session": announced.session}
    udp = {"Transport": f"RTP/AVP;unicast;{pair.client_port};mode=record"}
    refused = await publisher.ask("SETUP", f"{url}/streamid=0", headers | udp)
    assert refused.status == 461
    assert b"tcp" in refused.body
    tcp = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"}
    assert (await publisher.ask("SETUP", f"{url}/streamid=0", headers | tcp)).status == 200
    assert (await publisher.ask("RECORD", url, headers)).status == 200

    reader = await RtspPeer.connect(server.play_port)
    udp = {"Transport": f"RTP/AVP;unicast;{pair.client_port}"}
    assert (await reader.ask("SETUP", f"{url}/trackID=0", udp)).status == 461
    tcp = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
    assert (await reader.ask("SETUP", f"{url}/trackID=0", tcp)).status == 200


async def test_own_address_as_destination_is_fine(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await publisher.send()
    pair = UdpPair()
    transport = f"RTP/AVP;unicast;destination=127.0.0.1;{pair.client_port}"
    assert (await asked(server, transport))[0] == 200


async def test_two_readers_of_one_address_have_their_own_ports(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    readers = [await UdpReader.start(server.play_port, server.play_url("/a")) for _ in range(2)]
    sent = await publisher.send()
    assert [await reader.packet() for reader in readers] == sent * 2
    assert readers[0].server_port == readers[1].server_port
