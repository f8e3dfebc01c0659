"""Limits: what one peer too many gets, how it is counted and logged, and who goes on."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from inside import inside
from logged import event_of, events
from rtsp_peer import SDP, SDP_VIDEO, RtspPeer, TcpPublisher, TcpReader, frame, rtp
from udp_peer import wait_for

from headwater import MountSettings, RtspServer, Settings
from headwater.log_pace import FAULTS, PACE
from headwater.relay.limit_settings import LimitSettings
from headwater.server.settings import ServerSettings

ServerFactory = Callable[..., Awaitable[RtspServer]]

SDP_HEADERS = {"Content-Type": "application/sdp"}
TCP = {"Transport": "RTP/AVP/TCP;unicast"}


def limited(**limits: Any) -> Settings:
    return Settings(limits=LimitSettings(**limits))


async def announce(server: RtspServer, path: str, sdp: bytes = SDP_VIDEO) -> Any:
    peer = await RtspPeer.connect(server.publish_port)
    return await peer.ask("ANNOUNCE", server.publish_url(path), SDP_HEADERS, sdp)


@pytest.mark.parametrize("limit", ["connections", "connections_per_address"])
async def test_connection_too_many_is_answered_503_and_closed(
    start_server: ServerFactory, limit: str
) -> None:
    server = await start_server(settings=limited(**{limit: 2}))
    held = [await RtspPeer.connect(server.play_port) for _ in range(2)]
    assert [(await peer.ask("OPTIONS", "*")).status for peer in held] == [200, 200]
    turned_away = await RtspPeer.connect(server.play_port)
    text = await turned_away.closed()
    assert text.startswith(b"RTSP/1.0 503 ")
    assert b"Retry-After: 5" in text
    assert server.counters.refused_by_limit[f"limits.{limit}"] == 1
    assert (await held[0].ask("OPTIONS", "*")).status == 200
    await held[1].close()
    await wait_for(lambda: len(inside(server).connections) == 1)
    again = await RtspPeer.connect(server.play_port)
    assert (await again.ask("OPTIONS", "*")).status == 200


async def test_connections_of_another_address_have_their_own_count(
    start_server: ServerFactory,
) -> None:
    server = await start_server(settings=limited(connections_per_address=1), host="")
    first = await RtspPeer.connect(server.play_port)
    assert (await first.ask("OPTIONS", "*")).status == 200
    other = await RtspPeer.connect(server.play_port, local_addr=("127.0.0.2", 0))
    assert (await other.ask("OPTIONS", "*")).status == 200


async def proxied(server: RtspServer, client: str) -> RtspPeer:
    """A peer behind a proxy that names `client` as the one who connected."""
    peer = await RtspPeer.connect(server.play_port)
    await peer.send(f"PROXY TCP6 {client} 2001:db8:ffff::1 4000 554\r\n".encode())
    return peer


@pytest.mark.parametrize(("bits", "admitted"), [(64, [True, False, True]), (128, [True] * 3)])
async def test_an_ipv6_site_is_one_address(
    start_server: ServerFactory, bits: int, admitted: list[bool]
) -> None:
    settings = Settings(
        limits=LimitSettings(connections_per_address=1, ipv6_prefix_bits=bits),
        server=ServerSettings(proxy_protocol_from=("127.0.0.1",)),
    )
    server = await start_server(settings=settings)
    peers = [
        await proxied(server, client)
        for client in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
    ]
    for peer, is_admitted in zip(peers, admitted, strict=True):
        await peer.send(peer.request("OPTIONS", "*"))
        assert (await peer.answer()).status == (200 if is_admitted else 503)


async def test_sessions_of_an_ipv6_site_are_counted_together(start_server: ServerFactory) -> None:
    settings = Settings(
        limits=LimitSettings(sessions_per_address=1),
        server=ServerSettings(proxy_protocol_from=("127.0.0.1",)),
    )
    server = await start_server(settings=settings)
    statuses = []
    for number, client in enumerate(("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")):
        peer = await proxied(server, client)
        url = server.publish_url(f"/{number}")
        statuses.append((await peer.ask("ANNOUNCE", url, SDP_HEADERS, SDP_VIDEO)).status)
    assert statuses == [200, 503, 200]


@pytest.mark.parametrize("limit", ["sessions", "sessions_per_address", "publishers"])
async def test_session_too_many_is_503_with_retry_after(
    start_server: ServerFactory, limit: str
) -> None:
    server = await start_server(settings=limited(**{limit: 1}))
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    answer = await announce(server, "/b")
    assert answer.status == 503
    assert answer.header("Retry-After") == "5"
    assert limit.encode() in answer.body
    await publisher.peer.ask("TEARDOWN", publisher.url, {"Session": publisher.session})
    assert (await announce(server, "/b")).status == 200


async def test_sessions_per_connection(start_server: ServerFactory) -> None:
    server = await start_server(settings=limited(sessions_per_connection=2))
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    peer, uri = await RtspPeer.connect(server.play_port), server.play_url("/a") + "/trackID=0"
    answers = [await peer.ask("SETUP", uri, TCP) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 503]
    headers = {"Session": answers[0].session}
    assert (await peer.ask("TEARDOWN", server.play_url("/a"), headers)).status == 200
    assert (await peer.ask("SETUP", uri, TCP)).status == 200


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"tracks_per_mount": 1}, b"2 tracks are announced; 1 are taken"),
        ({"description_lines": 12}, b"13 lines; 12 are taken"),
        ({"description_items": 1}, b"has 2 formats and format parameters; 1 are taken"),
    ],
)
async def test_descriptions_above_their_size(
    start_server: ServerFactory, limits: dict[str, int], words: bytes
) -> None:
    server = await start_server(settings=limited(**limits))
    answer = await announce(server, "/a", SDP + b"a=fmtp:97 x=1\r\n")
    assert answer.status == 413
    (setting,) = [f"limits.{name}" for name in limits]
    assert words in answer.body
    assert setting.encode() in answer.body
    assert server.counters.refused_by_limit == {setting: 1}
    smaller = SDP_VIDEO.replace(b"a=fmtp:96 packetization-mode=1\r\n", b"")
    assert (await announce(server, "/a", smaller)).status == 200


async def test_descriptions_of_all_publishers_together(start_server: ServerFactory) -> None:
    server = await start_server(settings=limited(description_bytes_total=3 * len(SDP_VIDEO)))
    padded = SDP_VIDEO + b"a=x:" + b"x" * len(SDP_VIDEO) + b"\r\n"
    peer = await RtspPeer.connect(server.publish_port)
    first = await peer.ask("ANNOUNCE", server.publish_url("/a"), SDP_HEADERS, padded)
    refused = await announce(server, "/b", padded)
    assert (first.status, refused.status) == (200, 503)
    assert b"limits.description_bytes_total" in refused.body
    assert refused.header("Retry-After") == "5"
    assert [session.path for session in server.sessions.values()] == ["/a"]
    assert (await announce(server, "/c", SDP_VIDEO)).status == 200
    await peer.close()
    await wait_for(lambda: len(server.sessions) == 1)
    assert (await announce(server, "/b", padded)).status == 200


async def test_readers_of_a_mount(
    start_server: ServerFactory, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start_server(settings=Settings(mounts=MountSettings(max_readers=1)))
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"))
    peer = await RtspPeer.connect(server.play_port)
    for _ in range(3):
        answer = await peer.ask("SETUP", server.play_url("/a") + "/trackID=0", TCP)
        assert answer.status == 453
    assert len(server.sessions) == 2
    lines = [record for record in caplog.records if event_of(record) == "limit reached"]
    assert [vars(record)["setting"] for record in lines] == ["mounts.max_readers"] * 3
    sent = await publisher.send()
    assert await reader.peer.frame() == (0, sent[0])


@pytest.mark.parametrize(
    ("limits", "request_text", "status", "closes"),
    [
        (
            {"header_bytes": 200},
            f"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: {'x' * 300}\r\n\r\n",
            400,
            True,
        ),
        (
            {"header_count": 3},
            "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nA: 1\r\nB: 1\r\nC: 1\r\n\r\n",
            400,
            True,
        ),
        (
            {"header_items": 3},
            "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nRequire: a,b,c,d,e\r\n\r\n",
            400,
            True,
        ),
        (
            {"header_items": 3},
            "SETUP * RTSP/1.0\r\nCSeq: 1\r\nTransport: a;b,c;d;e\r\n\r\n",
            400,
            True,
        ),
        (
            {"body_bytes": 10},
            "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 11\r\n\r\n",
            413,
            True,
        ),
        ({"uri_bytes": 20}, f"OPTIONS rtsp://h/{'x' * 30} RTSP/1.0\r\nCSeq: 1\r\n\r\n", 414, False),
        (
            {"path_bytes": 20},
            f"DESCRIBE rtsp://h/{'x' * 30} RTSP/1.0\r\nCSeq: 1\r\n\r\n",
            414,
            False,
        ),
        ({"path_bytes": 20}, f"SETUP rtsp://h/{'x' * 30} RTSP/1.0\r\nCSeq: 1\r\n\r\n", 414, False),
        (
            {"path_bytes": 20},
            f"ANNOUNCE rtsp://h/{'ü' * 15} RTSP/1.0\r\nCSeq: 1\r\n\r\n",
            414,
            False,
        ),
    ],
)
async def test_requests_above_their_size(
    start_server: ServerFactory,
    limits: dict[str, int],
    request_text: str,
    status: int,
    closes: bool,
) -> None:
    server = await start_server(settings=limited(**limits))
    bystander = await RtspPeer.connect(server.play_port)
    peer = await RtspPeer.connect(server.play_port)
    await peer.send(request_text.encode())
    answer = await peer.answer()
    assert answer.status == status
    (setting,) = [f"limits.{name}" for name in limits]
    assert setting.encode() in answer.body
    assert server.counters.refused_by_limit == {setting: 1}
    assert answer.body.strip()
    if closes:
        assert await peer.closed() == b""
    else:
        assert (await peer.ask("OPTIONS", "*")).status == 200
    assert (await bystander.ask("OPTIONS", "*")).status == 200


async def test_limits_are_logged_now_and_then_and_all_counted(
    start_server: ServerFactory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now_s = 1000.0
    monkeypatch.setattr(PACE, "clock", lambda: now_s)
    server = await start_server(settings=limited(sessions=1))
    await TcpPublisher.start(server.publish_port, server.publish_url("/a"))

    with caplog.at_level(logging.INFO):
        caplog.clear()
        for _ in range(20):
            assert (await announce(server, "/b")).status == 503
        now_s += 1.5
        assert (await announce(server, "/b")).status == 503
    logged = [record for record in caplog.records if record.levelno >= logging.INFO]
    lines = FAULTS.at_once + 1
    assert [event_of(record) for record in logged] == ["limit reached"] * lines
    fields = [vars(record) for record in logged]
    assert [one["setting"] for one in fields] == ["limits.sessions"] * lines
    assert [one["refused"] for one in fields] == [*range(1, lines), 21]
    assert fields[-1]["left_out"] == 20 - FAULTS.at_once
    assert all(one["peer"] for one in fields)
    assert server.counters.refused_by_limit["limits.sessions"] == 21


@pytest.mark.parametrize(
    ("limit", "most", "reason"),
    [
        ("publisher_bits_per_s", 1000, "bit rate above the limit"),
        ("publisher_packets_per_s", 10, "packet rate above the limit"),
    ],
)
async def test_publisher_above_its_rate_is_closed(
    start_server: ServerFactory,
    clock: Any,
    caplog: pytest.LogCaptureFixture,
    limit: str,
    most: float,
    reason: str,
) -> None:
    server = await start_server(settings=limited(**{limit: most}))
    modest = await TcpPublisher.start(server.publish_port, server.publish_url("/modest"))
    greedy = await TcpPublisher.start(server.publish_port, server.publish_url("/greedy"))
    for _ in range(2):
        await modest.send()
        await greedy.send(100)
        await wait_for(lambda: server.mounts["/modest"].last_packet_s)
        await wait_for(lambda: server.mounts.get("/greedy") is None or _all_in(server))
        clock.advance(5.1)
        await wait_for(lambda: _looked_at(server))
    await greedy.peer.closed()
    assert greedy.session not in server.sessions
    assert modest.session in server.sessions
    assert server.counters.sessions_closed_by_cause[reason] == 1
    line = next(record for record in caplog.records if event_of(record) == "limit reached")
    assert vars(line)["setting"] == f"limits.{limit}"
    assert "/greedy" in vars(line)["cause"]


def _all_in(server: RtspServer) -> bool:
    return server.mounts["/greedy"].tracks[0].packets % 100 == 0


def _looked_at(server: RtspServer) -> bool:
    """Whether a sweep has come since the clock was put forward."""
    relay = inside(server).relay
    begun = relay.bit_rates._begun
    return bool(begun) and all(relay.clock() - one.began_s < 5 for one in begun.values())


async def slow_reader(server: RtspServer) -> TcpReader:
    """A reader that takes nothing, over a connection that holds little."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", server.play_port))
    reader = await TcpReader.start(server.play_port, server.play_url("/a"), sock=sock)
    reader.peer.stop_reading()
    return reader


async def test_queues_of_all_readers_together_are_bounded(
    start_server: ServerFactory, caplog: pytest.LogCaptureFixture
) -> None:
    most_bytes, readers = 100_000, 4
    server = await start_server(settings=limited(reader_queue_bytes_total=most_bytes))
    service = inside(server)
    budget = service.relay.queue_budget
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    healthy = await TcpReader.start(server.play_port, server.play_url("/a"))
    slow = [await slow_reader(server) for _ in range(readers)]
    # As large as a batch may become, so that a bound judged now and then would be passed by far.
    payload = b"\x65" + bytes(60_000)
    batch_bytes = len(frame(0, rtp(0, payload=payload)))
    after = 0
    for seq in range(10_000):
        await publisher.peer.send(frame(0, rtp(seq, payload=payload)))
        assert (await healthy.peer.frame())[1][2:4] == seq.to_bytes(2, "big")
        assert budget.queued.size_bytes <= most_bytes + readers * batch_bytes
        after += budget.refusals > 0
        if after == 30:
            break
    snapshots = {reader.id: reader for reader in server.mounts["/a"].readers}
    queued = [snapshots[reader.session].queued_bytes for reader in slow]
    assert budget.queued.size_bytes == sum(queued)
    assert all(snapshots[reader.session].dropped_packets > 0 for reader in slow)
    assert snapshots[healthy.session].dropped_packets == 0
    await wait_for(lambda: "limit reached" in events(caplog.records))
    line = next(record for record in caplog.records if event_of(record) == "limit reached")
    assert vars(line)["setting"] == "limits.reader_queue_bytes_total"


def first_seq(reader: TcpReader) -> int:
    """What the answer to its PLAY says of its first packet."""
    found = re.search(r"seq=(\d+)", reader.play.header("RTP-Info") or "")
    assert found is not None
    return int(found[1])


async def test_readers_for_whom_too_much_would_wait_begin_with_the_next_key_frame(
    start_server: ServerFactory, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start_server(settings=limited(catch_up_bytes_total=100_000))
    publisher = await TcpPublisher.start(server.publish_port, server.publish_url("/a"))
    await publisher.send(2)
    early = await TcpReader.start(server.play_port, server.play_url("/a"))
    assert first_seq(early) < publisher.seq
    stalled = await slow_reader(server)
    # What nobody takes waits in the kernel first.
    payload = b"\x41" + bytes(60_000)
    budget = inside(server).relay.queue_budget.queued
    while budget.size_bytes < 100_000:
        await publisher.peer.send(frame(0, rtp(publisher.seq, payload=payload)))
        publisher.seq += 1
        while (await early.peer.frame())[1][2:4] != (publisher.seq - 1).to_bytes(2, "big"):
            pass
    late = await TcpReader.start(server.play_port, server.play_url("/a"))
    assert first_seq(late) == publisher.seq
    await publisher.send(1)
    assert (await late.peer.frame())[1][2:4] == first_seq(late).to_bytes(2, "big")
    assert server.mounts["/a"].late_starts == 1
    assert stalled.session in server.sessions
    counted = server.counters.refused_by_limit
    await wait_for(lambda: counted["limits.catch_up_bytes_total"] == 1)
    line = next(record for record in caplog.records if event_of(record) == "limit reached")
    assert "1 new ones began with the next key frame" in vars(line)["cause"]


async def test_caches_of_all_mounts_together(start_server: ServerFactory) -> None:
    server = await start_server(settings=limited(gop_cache_bytes_total=40_000))
    publishers = [
        await TcpPublisher.start(server.publish_port, server.publish_url(f"/{name}"))
        for name in "abc"
    ]
    key = frame(0, rtp(0))
    more = [frame(0, rtp(seq, payload=b"\x41" + bytes(1000))) for seq in range(1, 16)]
    for publisher, count in zip(publishers, (15, 15, 8), strict=True):
        await publisher.peer.send(key + b"".join(more[:count]))
        assert (await publisher.peer.ask("OPTIONS", "*")).status == 200
    kept = {path: mount.cached_bytes for path, mount in server.mounts.items()}
    # Who came last has its cache all the same: one of the largest gave way.
    assert kept["/c"] > 8000
    assert min(kept.values()) == 0
    await wait_for(lambda: server.counters.refused_by_limit["limits.gop_cache_bytes_total"] == 1)
