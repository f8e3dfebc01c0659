"""Sessions: their ids, how long they live, what keeps them alive, and where they may move."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from inside import inside
from logged import event_of
from rtsp_peer import SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader, frame, rtp
from udp_peer import UdpPublisher, UdpReader, wait_for

from headwater import MountSettings, RtspServer, SessionSettings, Settings
from headwater.protocol.rtcp import Bye, parse_rtcp
from headwater.protocol.rtcp_build import bye, receiver_report

ServerFactory = Callable[..., Awaitable[RtspServer]]

PATIENT = Settings(mounts=MountSettings(publisher_idle_timeout_s=0))
REPORT = receiver_report(7, cname="reader")
ReaderT = TypeVar("ReaderT", TcpReader, UdpReader)


@dataclass
class Stage:
    """A server on whose only mount packets may stay away for as long as they like."""

    server: RtspServer
    publisher: TcpPublisher
    clock: Any

    async def reader(self, kind: type[ReaderT]) -> ReaderT:
        """A reader that has paused: for one that plays, time without packets does not count."""
        reader = await self.player(kind)
        paused = await reader.peer.ask("PAUSE", reader.url, {"Session": reader.session})
        assert paused.status == 200
        return reader

    async def player(self, kind: type[ReaderT]) -> ReaderT:
        return await kind.start(self.server.play_port, self.server.play_url("/a"))

    async def lose_connection(self, reader: UdpReader) -> None:
        """Close a reader's connection, until the server knows."""
        service = inside(self.server)
        session = service.sessions.get(reader.session)
        assert session is not None
        await reader.peer.close()
        await wait_for(lambda: session.orphaned_s is not None)

    async def send_for(self, seconds: float) -> None:
        """Let time pass in which packets come."""
        mount = inside(self.server).mounts.get("/a")
        assert mount is not None
        track = mount.tracks[0]
        for _ in range(math.ceil(seconds / 1.5)):
            self.clock.advance(1.5)
            came = track.counters.packets + 1
            await self.publisher.send()
            await wait_for(lambda: track.counters.packets == came)  # noqa: B023

    def silent_for_20_s(self, reader: TcpReader | UdpReader) -> float:
        """When a reader was last heard of, 20 seconds ago now."""
        last_seen_s = self.server.sessions[reader.session].last_seen_s
        self.clock.advance(20)
        return last_seen_s

    async def heard_of(self, reader: TcpReader | UdpReader, since_s: float) -> None:
        """Until the server has heard of a reader after its silence."""
        await wait_for(lambda: self.server.sessions[reader.session].last_seen_s > since_s + 19)

    async def outlives(self, reader: TcpReader | UdpReader, silent: UdpReader) -> None:
        """Until the silent reader has timed out; the other one is still there."""
        self.clock.advance(20)
        await wait_for(lambda: silent.session not in self.server.sessions)
        assert reader.session in self.server.sessions


@pytest.fixture
async def stage(start_server: ServerFactory, clock: Any) -> Stage:
    server = await start_server(settings=PATIENT)
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    return Stage(server, publisher, clock)


@pytest.fixture
async def silent(stage: Stage) -> UdpReader:
    """A reader of whom nothing is heard any more."""
    return await stage.reader(UdpReader)


async def test_default_timeout_is_told_with_the_session(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    peer = await RtspPeer.connect(server.play_port)
    answer = await peer.ask(
        "SETUP", f"{publisher.url}/trackID=0", {"Transport": "RTP/AVP/TCP;interleaved=0-1"}
    )
    assert answer.header("Session") == f"{answer.session};timeout=25"


async def test_ids_are_letters_and_digits_and_never_twice(server: RtspServer) -> None:
    publishers = [
        await TcpPublisher.start(server.publish_port, server.publish_url(f"/{index}"))
        for index in range(5)
    ]
    ids = {publisher.session for publisher in publishers}
    assert len(ids) == 5
    assert all(one.isalnum() and len(one) >= 16 for one in ids)


async def test_silent_udp_reader_times_out_and_is_told_by_a_close(stage: Stage, clock: Any) -> None:
    server, publisher = stage.server, stage.publisher
    reader = await stage.reader(UdpReader)
    clock.advance(29)
    assert (await publisher.peer.ask("OPTIONS", "*")).status == 200
    assert reader.session in server.sessions
    clock.advance(2)
    assert await reader.peer.closed() == b""
    await wait_for(lambda: reader.session not in server.sessions)
    assert server.udp_pairs_in_use == 0
    assert server.counters.sessions_closed_by_cause["session timed out"] == 1
    assert publisher.session in server.sessions


@pytest.mark.parametrize(
    "method", ["OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "DESCRIBE", "PLAY"]
)
async def test_requests_keep_a_session_alive(
    stage: Stage, silent: UdpReader, clock: Any, method: str
) -> None:
    reader = await stage.reader(UdpReader)
    clock.advance(20)
    answer = await reader.peer.ask(method, reader.url, {"Session": reader.session})
    assert answer.status == 200
    await stage.outlives(reader, silent)


async def test_requests_that_name_no_session_keep_those_of_their_connection_alive(
    stage: Stage, silent: UdpReader, clock: Any
) -> None:
    reader = await stage.reader(UdpReader)
    clock.advance(20)
    assert (await reader.peer.ask("GET_PARAMETER", reader.url)).status == 200
    await stage.outlives(reader, silent)


async def test_receiver_reports_keep_a_session_alive(stage: Stage, silent: UdpReader) -> None:
    reader = await stage.reader(UdpReader)
    began_s = stage.silent_for_20_s(reader)
    reader.rtcp.sendto(REPORT, ("127.0.0.1", reader.server_port + 1))
    await stage.heard_of(reader, began_s)
    await stage.outlives(reader, silent)


async def test_reports_from_strangers_are_no_sign_of_life(stage: Stage, clock: Any) -> None:
    server = stage.server
    service = inside(server)
    reader = await stage.reader(UdpReader)
    stranger = UdpReader()
    clock.advance(20)
    for packet in (REPORT, bye([7], "spoofed")):
        stranger.rtcp.sendto(packet, ("127.0.0.1", reader.server_port + 1))
    stranger.rtp.sendto(rtp(1), ("127.0.0.1", reader.server_port))
    [egress] = service.transports.egresses._egresses.values()
    await wait_for(lambda: egress.stray_datagrams == 3)
    clock.advance(20)
    await wait_for(lambda: reader.session not in server.sessions)
    assert server.counters.sessions_closed_by_cause["session timed out"] == 1


async def test_bye_of_a_reader_does_not_end_its_session(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await UdpReader.start(server.play_port, server.play_url("/a"))
    reader.rtcp.sendto(bye([7], "gone"), ("127.0.0.1", reader.server_port + 1))
    sent = await publisher.send()
    assert await reader.packet() == sent[0]
    assert (await reader.peer.ask("PAUSE", reader.url, {"Session": reader.session})).status == 200


async def test_tcp_reader_that_only_takes_data_is_alive(stage: Stage, silent: UdpReader) -> None:
    reader = await stage.player(TcpReader)
    began_s = stage.silent_for_20_s(reader)
    sent = await stage.publisher.send()
    assert await reader.peer.frame() == (0, sent[0])
    await stage.heard_of(reader, began_s)
    await stage.outlives(reader, silent)


@pytest.mark.parametrize("data", [frame(1, REPORT), frame(0, b"\x80"), frame(1, b"odd")])
async def test_interleaved_data_of_a_reader_keeps_it_alive(
    stage: Stage, silent: UdpReader, data: bytes
) -> None:
    reader = await stage.reader(TcpReader)
    began_s = stage.silent_for_20_s(reader)
    await reader.peer.send(data)
    await stage.heard_of(reader, began_s)
    await stage.outlives(reader, silent)


async def test_player_that_is_silent_while_packets_come_times_out_with_a_bye(stage: Stage) -> None:
    reader = await stage.player(UdpReader)
    await stage.send_for(28)
    assert reader.session in stage.server.sessions
    await stage.send_for(4)
    assert await reader.peer.closed() == b""
    assert stage.server.counters.sessions_closed_by_cause == {"session timed out": 1}
    goodbye = None
    while goodbye is None:
        parts = parse_rtcp(await reader.packet(reader.rtcp))
        goodbye = next((one for one in parts if isinstance(one, Bye)), None)
    assert goodbye.reason == "session timed out"


@pytest.mark.parametrize("kind", [UdpReader, TcpReader])
async def test_player_stays_through_its_publishers_silence(
    stage: Stage, clock: Any, kind: type[ReaderT]
) -> None:
    player = await stage.player(kind)
    await stage.publisher.send()
    silent = await stage.reader(UdpReader)
    clock.advance(300)
    await wait_for(lambda: silent.session not in stage.server.sessions)
    await stage.send_for(20)
    assert player.session in stage.server.sessions


async def test_player_that_stayed_through_silence_times_out_when_packets_come_again(
    stage: Stage, clock: Any
) -> None:
    player = await stage.player(UdpReader)
    await stage.send_for(6)
    silent = await stage.reader(UdpReader)
    clock.advance(300)
    await wait_for(lambda: silent.session not in stage.server.sessions)
    await stage.send_for(34)
    await wait_for(lambda: player.session not in stage.server.sessions)


async def test_player_whose_connection_is_gone_is_not_excused_by_silence(
    stage: Stage, clock: Any
) -> None:
    player = await stage.player(UdpReader)
    await stage.lose_connection(player)
    clock.advance(31)
    await wait_for(lambda: player.session not in stage.server.sessions)


@pytest.mark.parametrize("kind", [UdpReader, TcpReader])
async def test_players_stay_for_the_whole_grace(
    start_server: ServerFactory, clock: Any, kind: type[ReaderT]
) -> None:
    settings = Settings(mounts=MountSettings(grace_s=60), sessions=SessionSettings(timeout_s=8))
    server = await start_server(settings=settings)
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    stage = Stage(server, publisher, clock)
    player, silent = await stage.player(kind), await stage.reader(UdpReader)
    publisher.peer.abort()
    await wait_for(lambda: server.mounts["/a"].state == "grace")
    clock.advance(50)
    await wait_for(lambda: silent.session not in server.sessions)
    assert player.session in server.sessions
    clock.advance(11)
    await wait_for(lambda: "/a" not in server.mounts)
    cause = "no publisher came back in N s"
    assert server.counters.sessions_closed_by_cause[cause] == 1


async def test_publisher_that_sends_needs_no_keep_alive(
    start_server: ServerFactory, clock: Any
) -> None:
    server = await start_server()
    publisher = await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
    silent = await UdpReader.start(server.play_port, server.play_url("/a"))
    for count in range(1, 6):
        clock.advance(8)
        publisher.send()
        await wait_for(lambda: server.mounts["/a"].tracks[0].packets == count)  # noqa: B023
    await wait_for(lambda: silent.session not in server.sessions)
    assert publisher.session in server.sessions


async def test_session_announced_and_left_alone_times_out(server: RtspServer, clock: Any) -> None:
    peer = await RtspPeer.connect(server.publish_port)
    url = server.publish_url("/a")
    headers = {"Content-Type": "application/sdp"}
    assert (await peer.ask("ANNOUNCE", url, headers, SDP_VIDEO)).status == 200
    clock.advance(31)
    assert await peer.closed() == b""
    again = await RtspPeer.connect(server.publish_port)
    assert (await again.ask("ANNOUNCE", url, headers, SDP_VIDEO)).status == 200


async def test_tcp_session_ends_with_its_connection(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    other = await RtspPeer.connect(server.play_port)
    headers = {"Session": reader.session}
    # Its media cannot follow it to another connection.
    assert (await other.ask("PAUSE", reader.url, headers)).status == 454
    reader.peer.abort()
    await wait_for(lambda: reader.session not in server.sessions)
    assert (await other.ask("PLAY", reader.url, headers)).status == 454
    assert publisher.session in server.sessions


async def test_udp_publisher_moves_to_a_new_connection(server: RtspServer) -> None:
    publisher = await UdpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    await publisher.peer.close()
    moved = await RtspPeer.connect(server.publish_port)
    headers = {"Session": publisher.session}
    assert (await moved.ask("GET_PARAMETER", publisher.url, headers)).status == 200
    sent = publisher.send()
    assert await reader.peer.frame() == (0, sent[0])
    assert (await moved.ask("TEARDOWN", publisher.url, headers)).status == 200
    assert publisher.session not in server.sessions


async def test_announced_session_that_moved_does_not_end_with_its_first_connection(
    server: RtspServer,
) -> None:
    url = server.publish_url("/a")
    first, second = [await RtspPeer.connect(server.publish_port) for _ in range(2)]
    headers = {"Content-Type": "application/sdp"}
    session = (await first.ask("ANNOUNCE", url, headers, SDP_VIDEO)).session
    publisher = UdpPublisher()
    transport = f"RTP/AVP;unicast;{publisher.client_port};mode=record"
    headers = {"Session": session, "Transport": transport}
    assert (await second.ask("SETUP", f"{url}/streamid=0", headers)).status == 200
    await first.close()
    service = inside(server)
    await wait_for(lambda: len(service.connections) == 1)
    assert (await second.ask("RECORD", url, {"Session": session})).status == 200


async def test_udp_reader_plays_on_without_any_connection_until_its_time_is_up(
    stage: Stage, clock: Any
) -> None:
    server, publisher = stage.server, stage.publisher
    reader = await stage.player(UdpReader)
    await stage.lose_connection(reader)
    sent = await publisher.send()
    assert await reader.packet() == sent[0]
    clock.advance(31)
    await wait_for(lambda: reader.session not in server.sessions)
    assert server.udp_pairs_in_use == 0


async def test_session_of_another_address_is_not_found(start_server: ServerFactory) -> None:
    server = await start_server(host="")
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await UdpReader.start(server.play_port, server.play_url("/a"))
    stranger = await RtspPeer.connect(server.play_port, local_addr=("127.0.0.2", 0))
    for method in ("TEARDOWN", "PAUSE", "PLAY", "GET_PARAMETER"):
        answer = await stranger.ask(method, reader.url, {"Session": reader.session})
        assert answer.status == 454
    assert reader.session in server.sessions


@pytest.mark.parametrize("session", ["", ";timeout=60", "nosuch", "a b c", "x" * 300])
async def test_options_is_200_whatever_session_it_names(server: RtspServer, session: str) -> None:
    peer = await RtspPeer.connect(server.play_port)
    assert (await peer.ask("OPTIONS", "rtsp://h/a", {"Session": session})).status == 200


async def test_snapshots_tell_who_is_there(server: RtspServer) -> None:
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await UdpReader.start(server.play_port, server.play_url("/a"))
    sessions = server.sessions
    assert set(sessions) == {publisher.session, reader.session}
    seen = sessions[reader.session]
    assert (seen.role, seen.path, seen.state, seen.transport) == ("play", "/a", "playing", "udp")
    assert seen.tracks == (0,)
    assert seen.peer == f"127.0.0.1:{reader.peer.local_port}"
    assert sessions[publisher.session].state == "recording"


async def test_one_failing_step_frees_all_the_rest(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = inside(server)
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await UdpReader.start(server.play_port, server.play_url("/a"))
    session = service.reader_session(reader.session)
    assert session.mount is not None
    assert session.reader is not None

    def broken(*_: object) -> None:
        raise RuntimeError("this step is broken")

    monkeypatch.setattr(service.relay.reservations, "give_back", broken)
    monkeypatch.setattr(session.mount, "remove_reader", broken)
    with caplog.at_level(logging.ERROR):
        service.sessions.close(session, "test", by_server=True)
    assert reader.session not in server.sessions
    assert server.udp_pairs_in_use == 0
    assert await reader.peer.closed() == b""
    errors = [event_of(record) for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == ["a session's end failed in part"] * 2
    monkeypatch.undo()
    session.mount.remove_reader(session.reader)


async def test_causes_that_peers_make_up_are_counted_as_one(server: RtspServer) -> None:
    service = inside(server)
    for index in range(3):
        peer = await RtspPeer.connect(server.publish_port)
        url = server.publish_url(f"/{index}")
        answer = await peer.ask("ANNOUNCE", url, {"Content-Type": "application/sdp"}, SDP_VIDEO)
        session = service.sessions.get(answer.session)
        assert session is not None
        service.sessions.close(session, f"another description: {index} tracks, no packet")
        peer = await RtspPeer.connect(server.publish_port)
        answer = await peer.ask("ANNOUNCE", url, {"Content-Type": "application/sdp"}, SDP_VIDEO)
        session = service.sessions.get(answer.session)
        assert session is not None
        service.sessions.close(session, f"no packet for {index} s")
    counted = server.counters.sessions_closed_by_cause
    assert counted == {"another description": 3, "no packet for N s": 3}
