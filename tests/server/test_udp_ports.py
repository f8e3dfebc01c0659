"""The range of UDP ports: taken, skipped, returned on every way out, used up."""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from inside import inside
from logged import event_of, events
from own_ports import own_port
from rtsp_peer import SDP, SDP_VIDEO, Answer, RtspPeer, TcpPublisher, TcpReader
from udp_peer import UdpPair, UdpPublisher, UdpReader, port_from, wait_for

from headwater import MountSettings, RtspServer, Settings
from headwater.server.connections.connection import Connection
from headwater.server.settings import SessionSettings
from headwater.transports.settings import RtpSettings

ServerFactory = Callable[..., Awaitable[RtspServer]]

SDP_HEADERS = {"Content-Type": "application/sdp"}


async def test_egress_pairs_are_per_track_and_ingest_pairs_per_publisher(
    server: RtspServer,
) -> None:
    url = server.play_url("/a")
    await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
    assert server.udp_pairs_in_use == 1
    for _ in range(4):
        await UdpReader.start(server.play_port, url)
    assert server.udp_pairs_in_use == 2


@pytest.mark.parametrize("leave", ["teardown", "close", "reset", "timeout", "mount", "session"])
async def test_readers_pair_is_returned_on_every_way_out(
    start_server: ServerFactory, clock: Any, leave: str
) -> None:
    settings = Settings(mounts=MountSettings(publisher_idle_timeout_s=0))
    server = await start_server(settings=settings)
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await UdpReader.start(server.play_port, server.play_url("/a"))
    assert server.udp_pairs_in_use == 1
    match leave:
        case "teardown":
            await reader.peer.ask("TEARDOWN", reader.url, {"Session": reader.session})
        case "close":
            await reader.peer.close()
            await wait_for(lambda: _orphaned(server, reader.session))
            clock.advance(31)
        case "reset":
            reader.peer.reset()
            await wait_for(lambda: _orphaned(server, reader.session))
            clock.advance(31)
        case "timeout":
            await reader.peer.ask("PAUSE", reader.url, {"Session": reader.session})
            clock.advance(31)
        case "mount":
            await server.close_mount("/a")
        case _:
            await server.close_session(reader.session)
    await wait_for(lambda: server.udp_pairs_in_use == 0)
    assert reader.session not in server.sessions


@pytest.mark.parametrize(
    "leave", ["teardown", "close", "reset", "idle", "session", "before record"]
)
async def test_publishers_pairs_are_returned_on_every_way_out(
    start_server: ServerFactory, clock: Any, leave: str
) -> None:
    server = await start_server(settings=Settings())
    if leave == "before record":
        url = server.publish_url("/a")
        peer, pair = await RtspPeer.connect(server.publish_port), UdpPair()
        announced = await peer.ask("ANNOUNCE", url, SDP_HEADERS, SDP_VIDEO)
        headers = {"Session": announced.session, "Transport": f"RTP/AVP;{pair.client_port}"}
        assert (await peer.ask("SETUP", f"{url}/streamid=0", headers)).status == 200
        assert server.udp_pairs_in_use == 1
        peer.reset()
    else:
        publisher = await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
        assert server.udp_pairs_in_use == 1
        match leave:
            case "teardown":
                headers = {"Session": publisher.session}
                await publisher.peer.ask("TEARDOWN", publisher.url, headers)
            case "close":
                await publisher.peer.close()
                await wait_for(lambda: _orphaned(server, publisher.session))
                clock.advance(3)
            case "reset":
                publisher.peer.reset()
                await wait_for(lambda: _orphaned(server, publisher.session))
                clock.advance(3)
            case "idle":
                clock.advance(12)
            case _:
                await server.close_session(publisher.session)
    await wait_for(lambda: server.udp_pairs_in_use == 0)
    await wait_for(lambda: not server.sessions)


def _orphaned(server: RtspServer, session_id: str) -> bool:
    service = inside(server)
    session = service.sessions.get(session_id)
    return session is not None and session.orphaned_s is not None


async def test_setups_that_fail_return_what_they_took(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    peer, pair = await RtspPeer.connect(server.play_port), UdpReader()
    url = server.play_url("/a")
    setup = await pair.setup(peer, url)
    assert setup.status == 200
    session: Any = {"Session": setup.session}
    # A wrong track, a taken port, another mount: none of them costs a pair.
    assert (await pair.setup(peer, url, 9, **session)).status == 404
    other = await RtspPeer.connect(server.play_port)
    assert (await pair.setup(other, url)).status == 461
    assert (await pair.setup(peer, server.play_url("/none"), **session)).status in {404, 459}
    assert server.udp_pairs_in_use == 1
    assert len(server.sessions) == 2


async def test_busy_pairs_are_skipped(start_server: ServerFactory) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp_holder,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp_holder,
    ):
        rtp_holder.bind(("127.0.0.1", own_port(0)))
        rtcp_holder.bind(("127.0.0.1", own_port(3)))
        server = await start_server(rtp_port_start=own_port(0), rtp_port_count=6)
        publisher = await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
        assert publisher.server_port == own_port(4)
        assert server.udp_pairs_in_use == 1


async def test_used_up_range_is_453_named_in_the_log_and_disturbs_nobody(
    start_server: ServerFactory, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start_server(rtp_port_start=own_port(101), rtp_port_count=3)
    publisher = await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
    assert publisher.server_port == own_port(102), "an odd start is rounded up"
    over_tcp = await TcpReader.start(server.play_port, server.play_url("/a"))
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            peer, pair = await RtspPeer.connect(server.play_port), UdpReader()
            answer = await pair.setup(peer, server.play_url("/a"))
            assert answer.status == 453
            assert b"TCP" in answer.body
            # The same player then asks for TCP.
            tcp = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
            setup = await peer.ask("SETUP", server.play_url("/a") + "/trackID=0", tcp)
            assert setup.status == 200
    lines = [record for record in caplog.records if event_of(record) == "limit reached"]
    assert [vars(record)["setting"] for record in lines] == ["rtp.rtp_port_count"] * 5
    assert "raise rtp_port_count" in vars(lines[0])["cause"]
    assert server.counters.refused_by_limit["rtp.rtp_port_count"] == 5
    [sent] = publisher.send()
    assert await over_tcp.peer.frame() == (0, sent)


async def test_full_descriptor_table_is_503_named_in_the_log_and_disturbs_nobody(
    server: RtspServer, caplog: pytest.LogCaptureFixture
) -> None:
    resource = pytest.importorskip("resource")
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    peer, pair = await RtspPeer.connect(server.play_port), UdpReader()
    assert (await peer.ask("OPTIONS", "*")).status == 200
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as lowest_free:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free.fileno() + 1, before[1]))
        try:
            for _ in range(3):
                answer = await pair.setup(peer, server.play_url("/a"))
                assert answer.status == 503
                assert answer.header("Retry-After") == "5"
            tcp = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
            setup = await peer.ask("SETUP", server.play_url("/a") + "/trackID=0", tcp)
            assert setup.status == 200
            [sent] = await publisher.send()
            assert await reader.peer.frame() == (0, sent)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
    lines = [record for record in caplog.records if event_of(record) == "limit reached"]
    assert [vars(record)["setting"] for record in lines] == ["sockets.descriptor_limit"] * 3
    assert "LimitNOFILE" in vars(lines[0])["cause"]
    assert "request failed" not in events(caplog.records)
    assert (await pair.setup(peer, server.play_url("/a"), Session=setup.session)).status == 461
    assert server.udp_pairs_in_use == 0


async def test_publisher_without_a_pair_goes_on_over_tcp(start_server: ServerFactory) -> None:
    server = await start_server(rtp_port_start=own_port(200), rtp_port_count=2)
    await UdpPublisher.start(server.publish_port, server.publish_url("/first"))
    url = server.publish_url("/second")
    peer, pair = await RtspPeer.connect(server.publish_port), UdpPair()
    announced = await peer.ask("ANNOUNCE", url, SDP_HEADERS, SDP_VIDEO)
    headers = {"Session": announced.session}
    udp = {"Transport": f"RTP/AVP;unicast;{pair.client_port};mode=record"}
    assert (await peer.ask("SETUP", f"{url}/streamid=0", headers | udp)).status == 453
    tcp = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"}
    assert (await peer.ask("SETUP", f"{url}/streamid=0", headers | tcp)).status == 200
    assert (await peer.ask("RECORD", url, headers)).status == 200
    reader = await TcpReader.start(server.play_port, url)
    sent = await TcpPublisher(peer, url, announced.session).send()
    assert await reader.peer.frame() == (0, sent[0])


async def test_second_alternative_is_taken_where_the_first_one_s_ports_are_held(
    start_server: ServerFactory,
) -> None:
    server = await start_server()
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"), SDP)
    held = await UdpReader.start(server.play_port, server.play_url("/a"))
    peer = await RtspPeer.connect(server.play_port)
    url = server.play_url("/a")
    both = {"Transport": f"RTP/AVP;unicast;{held.client_port},RTP/AVP/TCP;unicast"}
    setup = await peer.ask("SETUP", f"{url}/trackID=0", both)
    assert "interleaved=0-1" in (setup.header("Transport") or "")
    headers = {"Session": setup.session}
    again = await peer.ask("SETUP", f"{url}/trackID=1", both | headers)
    assert "interleaved=2-3" in (again.header("Transport") or "")
    assert len(server.mounts["/a"].readers) == 2
    assert (await peer.ask("PLAY", url, headers)).status == 200
    [sent] = await publisher.send()
    assert await peer.frame() == (0, sent)
    assert await held.packet() == sent


async def test_461_only_if_none_of_the_alternatives_fits(server: RtspServer) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    held = await UdpReader.start(server.play_port, server.play_url("/a"))
    peer, free = await RtspPeer.connect(server.play_port), UdpPair()
    uri = server.play_url("/a") + "/trackID=0"
    taken = f"RTP/AVP;unicast;{held.client_port}"
    assert (await peer.ask("SETUP", uri, {"Transport": f"{taken},{taken}"})).status == 461
    assert len(server.mounts["/a"].readers) == len(server.sessions) - 1 == 1
    setup = await peer.ask("SETUP", uri, {"Transport": f"{taken},RTP/AVP;{free.client_port}"})
    assert port_from(setup, "client_port") == free.port


@pytest.mark.parametrize("role", ["publisher", "reader"])
async def test_second_alternative_is_taken_where_no_pair_is_free(
    start_server: ServerFactory, role: str
) -> None:
    server = await start_server(rtp_port_start=own_port(200), rtp_port_count=2)
    await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
    peer, pair = await RtspPeer.connect(server.play_port), UdpPair()
    both = {"Transport": f"RTP/AVP;unicast;{pair.client_port},RTP/AVP/TCP;unicast;interleaved=2-3"}
    url = server.play_url("/a")
    if role == "publisher":
        url = server.publish_url("/b")
        announced = await peer.ask("ANNOUNCE", url, SDP_HEADERS, SDP_VIDEO)
        both["Session"] = announced.session
    setup = await peer.ask("SETUP", f"{url}/trackID=0", both)
    assert "interleaved=2-3" in (setup.header("Transport") or "")
    method = "RECORD" if role == "publisher" else "PLAY"
    assert (await peer.ask(method, url, {"Session": setup.session})).status == 200
    assert server.counters.refused_by_limit == {"rtp.rtp_port_count": 1}


async def test_peer_on_a_link_local_address_is_sent_to_tcp(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    monkeypatch.setattr(Connection, "local_ip", "fe80::1")
    peer, uri = await RtspPeer.connect(server.play_port), server.play_url("/a") + "/trackID=0"
    over_udp = {"Transport": f"RTP/AVP;unicast;{UdpPair().client_port}"}
    assert (await peer.ask("SETUP", uri, over_udp)).status == 461
    over_tcp = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
    assert (await peer.ask("SETUP", uri, over_tcp)).status == 200
    assert server.udp_pairs_in_use == 0


async def test_returned_pairs_serve_again(start_server: ServerFactory) -> None:
    server = await start_server(rtp_port_start=own_port(300), rtp_port_count=2)
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    peer, url = await RtspPeer.connect(server.play_port), server.play_url("/a")
    for _ in range(3):
        pair = UdpReader()
        setup = await pair.setup(peer, url)
        assert port_from(setup, "server_port") == own_port(300)
        assert (await peer.ask("TEARDOWN", url, {"Session": setup.session})).status == 200


async def test_dead_reader_costs_the_others_nothing(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    dead = await UdpReader.start(server.play_port, server.play_url("/a"))
    alive = await UdpReader.start(server.play_port, server.play_url("/a"))
    dead.close()
    for _ in range(3):
        [sent] = await publisher.send()
        assert await alive.packet() == sent


async def ask_for_a_pair(server: RtspServer, path: str, source: str = "127.0.0.1") -> Answer:
    """A publisher's SETUP over UDP, from an address of this machine."""
    peer = await RtspPeer.connect(server.publish_port, local_addr=(source, 0))
    url = server.publish_url(path)
    announced = await peer.ask("ANNOUNCE", url, SDP_HEADERS, SDP_VIDEO)
    transport = "RTP/AVP;unicast;client_port=5000-5001;mode=record"
    headers = {"Session": announced.session, "Transport": transport}
    return await peer.ask("SETUP", f"{url}/streamid=0", headers)


async def test_one_address_cannot_take_all_pairs(start_server: ServerFactory) -> None:
    rtp = RtpSettings(rtp_port_start=own_port(0), rtp_port_count=400, rtp_pairs_per_address=3)
    server = await start_server(settings=Settings(rtp=rtp), host="")
    answers = [await ask_for_a_pair(server, f"/{number}") for number in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 453]
    assert b"rtp.rtp_pairs_per_address" in answers[-1].body
    assert server.counters.refused_by_limit == {"rtp.rtp_pairs_per_address": 1}
    # A reader of a track that nobody reads over UDP yet would need a pair as well.
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    peer, pair = await RtspPeer.connect(server.play_port), UdpReader()
    assert (await pair.setup(peer, server.play_url("/a"))).status == 453
    assert (await ask_for_a_pair(server, "/other", "127.0.0.2")).status == 200


@pytest.mark.parametrize(
    ("port_count", "pairs"), [(10_000, 2500), (4000, 1000), (40, 16)], ids=["default", "4000", "40"]
)
def test_the_share_is_half_of_the_range_unless_said_otherwise(port_count: int, pairs: int) -> None:
    assert RtpSettings(rtp_port_count=port_count).pairs_per_address == pairs


async def test_a_session_that_does_not_begin_ends_whatever_else_it_asks(
    start_server: ServerFactory, clock: Any
) -> None:
    settings = Settings(
        sessions=SessionSettings(setup_timeout_s=10),
        mounts=MountSettings(publisher_idle_timeout_s=0),
    )
    server = await start_server(settings=settings)
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    playing = await UdpReader.start(server.play_port, server.play_url("/a"))
    paused = await UdpReader.start(server.play_port, server.play_url("/a"))
    await paused.peer.ask("PAUSE", paused.url, {"Session": paused.session})
    peer, pair = await RtspPeer.connect(server.play_port), UdpReader()
    setup = await pair.setup(peer, server.play_url("/a"))
    announcing = await RtspPeer.connect(server.publish_port)
    url = server.publish_url("/b")
    announced = await announcing.ask("ANNOUNCE", url, SDP_HEADERS, SDP_VIDEO)
    for _ in range(4):
        clock.advance(2)
        await peer.ask("OPTIONS", "*", {"Session": setup.session})
        await announcing.ask("OPTIONS", "*", {"Session": announced.session})
    assert {setup.session, announced.session} < set(server.sessions)
    clock.advance(3)
    await wait_for(lambda: not {setup.session, announced.session} & set(server.sessions))
    assert {playing.session, paused.session} < set(server.sessions)
    cause = "neither RECORD nor PLAY in time"
    assert server.counters.sessions_closed_by_cause[cause] == 2
    # The path is free for others again.
    assert (await ask_for_a_pair(server, "/b")).status == 200
