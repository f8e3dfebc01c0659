"""What UDP readers get while their socket does not keep up, and who is closed for it."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from local_identity import local_identity
from udp_peer import UdpPair

from headwater.media.readers.reader import Reader
from headwater.media.settings import MountSettings, SlowReaderPolicy
from headwater.media.tracks.track import Track
from headwater.net.port_pairs import PortPairPool
from headwater.net.port_pairs import UdpPair as ServerPair
from headwater.net.settings import SocketSettings
from headwater.protocol.header.transport import TransportSpec
from headwater.protocol.sdp import SessionDescription
from headwater.transports.datagram.udp_egress import UdpEgressTable
from headwater.transports.datagram.udp_reader import UdpReader
from headwater.transports.offers.negotiation import Offer
from headwater.transports.settings import TransportKind

SDP = b"v=0\r\ns=-\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
PICTURE = 8
SIZE = 1_000
PENDING_BYTES = 100_000
DEADLINE_S = 10.0


class Valve(socket.socket):
    """A socket that says its send buffer is full while it is shut."""

    shut = False

    def sendto(self, data: Any, *to: Any) -> int:
        if self.shut:
            raise BlockingIOError(errno.EAGAIN, "shut")
        return super().sendto(data, *to)


class ValvePool(PortPairPool):
    """Gives pairs whose RTP socket is a valve."""

    valve: Valve

    def bind_pair(self, host: str, *, holder: str = "") -> ServerPair:
        rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.valve = Valve(socket.AF_INET, socket.SOCK_DGRAM)
        for sock in (self.valve, rtcp):
            sock.setblocking(False)
            sock.bind((host, 0))
        return ServerPair(self.valve, rtcp, self.valve.getsockname()[1], lambda _port: None)


@dataclass
class Stage:
    """A track, its readers, and a clock moved by hand."""

    pool: ValvePool
    egresses: UdpEgressTable
    track: Track
    settings: MountSettings
    slow: list[Reader] = field(default_factory=list)
    readers: list[UdpReader] = field(default_factory=list)
    players: list[UdpPair] = field(default_factory=list)
    seq: int = 0
    pictures: int = 0

    def join(self) -> UdpReader:
        # A pair, as players have: of single sockets one may get the port beside another's.
        player = UdpPair()
        identity = local_identity(str(len(self.readers)))
        reader = UdpReader(identity, self.egresses, self.settings, self.slow.append, path="/cam")
        spec = TransportSpec(client_port=(player.port, player.port + 1))
        reader.add_track(0, self.track, Offer(TransportKind.UDP, spec))
        reader.join(0, self.track)
        self.readers.append(reader)
        self.players.append(player)
        return reader

    def picture(self, *, key: bool = False, parts: tuple[int, ...] = (PICTURE,)) -> None:
        """Publish one picture in batches of so many packets."""
        number = 0
        self.pictures += 1
        for count in parts:
            batch = []
            for _ in range(count):
                last = number == PICTURE - 1
                kind = 5 if key else 1
                header = bytes([0x7C, (0x80 if number == 0 else 0x40 if last else 0) | kind])
                rtp = bytes([0x80, 96 | (0x80 if last else 0)]) + self.seq.to_bytes(2, "big")
                stamp = self.pictures.to_bytes(4, "big")
                batch.append(rtp + stamp + bytes(4) + header + b"\x88" + bytes(SIZE - 15))
                self.seq += 1
                number += 1
            self.track.write(batch)

    def received(self, index: int) -> list[int]:
        """The sequence numbers that a player got since it was asked last."""
        numbers = []
        try:
            while True:
                numbers.append(int.from_bytes(self.players[index].rtp.recv(65_536)[2:4], "big"))
        except BlockingIOError:
            return numbers

    async def open_valve(self) -> None:
        self.pool.valve.shut = False
        await until(lambda: not self.readers[0].queued_bytes)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.001)


def missing(numbers: list[int]) -> list[tuple[int, int]]:
    return [(one, two) for one, two in pairwise(numbers) if two != one + 1]


@pytest.fixture
def make_stage() -> Iterator[Callable[..., Stage]]:
    made: list[Stage] = []

    def make(**settings: Any) -> Stage:
        sockets = SocketSettings(udp_pending_bytes=PENDING_BYTES, udp_pending_age_s=60.0)
        pool = ValvePool(10_000, 2)
        egresses = UdpEgressTable(asyncio.get_running_loop(), pool, sockets)
        track = Track(0, SessionDescription.parse(SDP).media[0], clock=time.monotonic)
        made.append(Stage(pool, egresses, track, MountSettings(**settings)))
        return made[-1]

    yield make
    for stage in made:
        for reader in stage.readers:
            reader.release()
        for player in stage.players:
            player.close()


async def test_whole_pictures_are_left_out_up_to_the_next_key_frame(
    make_stage: Callable[..., Stage],
) -> None:
    stage = make_stage()
    one, two = stage.join(), stage.join()
    stage.picture(key=True)
    stage.pool.valve.shut = True
    for _ in range(20):
        # Never where a picture ends, were it not for the gate.
        stage.picture(parts=(5, 3))
    assert one.queued_bytes <= PENDING_BYTES, "each has half of what waits, and a picture more"
    await stage.open_valve()
    stage.picture()
    key = stage.seq
    stage.picture(key=True)
    stage.picture()
    got = stage.received(0)
    [(end, begin)] = missing(got)
    assert begin == key
    assert (end + 1) % PICTURE == 0, "the last picture before the gap is whole"
    assert got[-1] == stage.seq - 1
    assert stage.received(1) == got
    left_out = begin - end - 1
    assert [reader.dropped_packets for reader in (one, two)] == [left_out] * 2
    assert one.dropped_bytes == left_out * SIZE
    assert (one.sent_packets, one.sent_bytes) == (len(got), len(got) * SIZE)
    [egress] = stage.egresses.snapshots({})
    assert egress.totals.dropped_packets == 2 * left_out
    assert egress.totals.sent_packets == 2 * len(got)
    assert stage.slow == []


async def test_tracks_without_key_frames_go_on_at_a_packet(
    make_stage: Callable[..., Stage],
) -> None:
    stage = make_stage()
    stage.track = Track(
        0,
        SessionDescription.parse(b"v=0\r\ns=-\r\nm=audio 0 RTP/AVP 0\r\n").media[0],
        clock=time.monotonic,
    )
    reader = stage.join()
    stage.pool.valve.shut = True
    for _ in range(20):
        stage.picture()
    await stage.open_valve()
    at = stage.seq
    stage.picture()
    [(end, begin)] = missing(stage.received(0))
    assert begin == at
    assert reader.dropped_packets == begin - end - 1


async def test_whoever_comes_during_a_gap_begins_at_a_key_frame_and_missed_less(
    make_stage: Callable[..., Stage],
) -> None:
    stage = make_stage()
    first = stage.join()
    stage.pool.valve.shut = True
    for _ in range(20):
        stage.picture()
    missed_before = first.dropped_packets
    assert missed_before > 0
    late = stage.join()
    stage.picture()
    await stage.open_valve()
    stage.picture()
    key = stage.seq
    stage.picture(key=True)
    assert stage.received(1) == list(range(key, stage.seq))
    assert late.dropped_packets == 2 * PICTURE == first.dropped_packets - missed_before
    late.leave(0, stage.track)
    stage.picture()
    assert late.dropped_packets == 2 * PICTURE
    assert late.sent_packets == PICTURE


async def test_all_are_closed_at_once_where_none_may_miss_a_part(
    make_stage: Callable[..., Stage],
) -> None:
    stage = make_stage(slow_reader_policy=SlowReaderPolicy.DISCONNECT)
    readers = [stage.join() for _ in range(3)]
    stage.pool.valve.shut = True
    for _ in range(20):
        stage.picture()
    await until(lambda: stage.slow)
    assert stage.slow[:3] == readers


async def test_after_a_time_those_go_who_came_last_until_the_rest_has_room(
    make_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = make_stage(slow_reader_disconnect_s=20.0)
    readers = [stage.join() for _ in range(3)]
    stage.pool.valve.shut = True
    for _ in range(20):
        stage.picture()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    now = begun

    def pass_time(seconds: float) -> None:
        nonlocal now
        now += seconds
        with monkeypatch.context() as patched:
            patched.setattr(loop, "time", lambda: now)
            stage.picture()

    pass_time(19.0)
    await asyncio.sleep(0)
    assert stage.slow == []
    pass_time(2.0)
    await until(lambda: stage.slow)
    assert stage.slow == readers[1:]
    for reader in readers[1:]:
        reader.release()
    pass_time(1.0)
    pass_time(19.0)
    await asyncio.sleep(0)
    assert stage.slow == readers[1:], "who stays has a term of its own"
    pass_time(2.0)
    await until(lambda: len(stage.slow) == 3)
    assert stage.slow[2] is readers[0]


async def test_cached_packets_wait_while_the_socket_does_not_keep_up(
    make_stage: Callable[..., Stage],
) -> None:
    stage = make_stage()
    reader = stage.join()
    assert reader.has_room
    stage.pool.valve.shut = True
    while reader.queued_bytes <= PENDING_BYTES // 2:
        assert reader.has_room
        stage.picture()
    room = [reader.has_room]
    assert reader.oldest_queued_s >= 0
    await stage.open_valve()
    assert [*room, reader.has_room] == [False, True]


async def test_packets_that_udp_cannot_carry_are_told_apart_from_slowness(
    make_stage: Callable[..., Stage],
) -> None:
    stage = make_stage()
    reader = stage.join()
    stage.track.write([bytes([0x80, 96]) + bytes(65_506)])
    assert (reader.dropped_packets, reader.undeliverable_packets) == (1, 1)
    assert (reader.sent_packets, reader.sent_bytes) == (0, 0)
    reader.leave(0, stage.track)
    assert (reader.dropped_packets, reader.undeliverable_packets) == (1, 1)
