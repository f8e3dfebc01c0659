"""Readers of one channel in a row: the same bytes for all, whoever stalls, leaves or breaks."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial

import pytest
from stream_ends import DEADLINE_S, Recorder, pattern, read_exactly, read_to_end, tcp_pair

from headwater.media.readers.slow_reader import SlowReaderGate
from headwater.media.settings import MountSettings, SlowReaderPolicy
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.net.tcp_stream import TcpStream
from headwater.protocol.interleaved import frame_interleaved
from headwater.protocol.sdp import SessionDescription
from headwater.transports.interleaved.lane import InterleavedLaneTable
from headwater.transports.interleaved.outlet import InterleavedOutlet
from headwater.transports.queue_budget import QueueBudget

SDP = b"v=0\r\ns=-\r\nm=audio 0 RTP/AVP 0\r\n"
# Nobody is slow unless a test says so.
PATIENT = MountSettings(slow_reader_max_bytes=1 << 30, slow_reader_max_age_s=3600.0)
HASTY = MountSettings(slow_reader_max_bytes=1024, slow_reader_max_age_s=3600.0)
SMALL_BUFFER_BYTES = 8192


def packets(number: int, size: int = 400) -> list[bytes]:
    """The packets of a batch, each of which is told from every other."""
    return [
        b"\x80\x00" + (number * 3 + i).to_bytes(2) + bytes(8) + pattern(size + i) for i in range(3)
    ]


@dataclass
class Player:
    """The far end of an outlet, and what its owner is told."""

    near: TcpStream
    far: socket.socket
    recorder: Recorder
    outlet: InterleavedOutlet = field(init=False)
    expired: int = 0
    errors: list[Exception] = field(default_factory=list)

    def expire(self) -> None:
        self.expired += 1

    def fail(self, error: Exception) -> None:
        self.errors.append(error)


class Stage:
    """A track, the lanes of its readers, and what was sent so far."""

    def __init__(self) -> None:
        self.track = Track(0, SessionDescription.parse(SDP).media[0], clock=time.monotonic)
        self.lanes = InterleavedLaneTable()
        self.players: list[Player] = []
        self.sent = 0

    def player(
        self,
        *,
        buffer_bytes: int | None = None,
        settings: MountSettings = PATIENT,
        channel: int = 0,
    ) -> Player:
        near, far = tcp_pair(buffer_bytes)
        recorder = Recorder()
        player = Player(TcpStream(near, asyncio.get_running_loop(), recorder), far, recorder)
        gate = SlowReaderGate(settings, has_key_frames=False)
        player.outlet = InterleavedOutlet(player, player.near, gate, QueueBudget(1 << 30))
        player.outlet.use((channel, channel + 1))
        self.players.append(player)
        self.lanes.join(self.track, player.outlet)
        return player

    def send(self, size: int = 400) -> bytes:
        """Relay a batch; return its frames on channel 0."""
        made = packets(self.sent, size)
        self.sent += 1
        self.track.write(made)
        return frame_interleaved(0, made)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    for player in stage.players:
        stage.lanes.leave(stage.track, player.outlet)
        player.near.abort()
        player.far.close()
        await player.recorder.until(partial(getattr, player.recorder, "closed"))
    assert len(stage.lanes) == 0
    assert len(stage.track.fan_out) == 0


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[TcpStream]:
    """The streams that `write` was called of: those that were not served in the row."""
    streams: list[TcpStream] = []
    write = TcpStream.write

    def noted(stream: TcpStream, data: bytes) -> None:
        streams.append(stream)
        write(stream, data)

    monkeypatch.setattr(TcpStream, "write", noted)
    return streams


async def stalled(stage: Stage, player: Player) -> bytes:
    """Send until the player's socket is full; return all that was sent."""
    sent = bytearray()
    while not player.near.queued_bytes:
        sent += stage.send()
    return bytes(sent)


async def test_everyone_gets_the_same_in_a_row(stage: Stage, written: list[TcpStream]) -> None:
    for _ in range(5):
        stage.player()
    assert len(stage.track.fan_out) == 1
    expected = b"".join(stage.send() for _ in range(3))
    assert written == []
    for player in stage.players:
        assert await read_exactly(player.far, len(expected)) == expected
        assert player.near.bytes_sent == len(expected)


async def test_each_channel_has_its_own_frames(stage: Stage) -> None:
    stage.player()
    other = stage.player(channel=4)
    assert len(stage.lanes) == 2
    made = packets(0)
    frames = stage.send()
    assert await read_exactly(stage.players[0].far, len(frames)) == frames
    assert await read_exactly(other.far, len(frames)) == frame_interleaved(4, made)


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_full_socket_queues_and_holds_nobody_up(
    stage: Stage, written: list[TcpStream], place: int
) -> None:
    for number in range(3):
        stage.player(buffer_bytes=SMALL_BUFFER_BYTES if number == place else None)
    slow = stage.players[place]
    sent = bytearray(await stalled(stage, slow))
    for _ in range(2):
        sent += stage.send()
    assert written == [slow.near] * 2
    for player in stage.players:
        if player is not slow:
            assert player.near.queued_bytes == 0
            assert await read_exactly(player.far, len(sent)) == sent
    # It is served in the row again once it has caught up, and has missed nothing.
    received = await read_exactly(slow.far, len(sent))
    await slow.recorder.until(lambda: slow.recorder.drained)
    sent += stage.send()
    written.clear()
    sent += stage.send()
    assert written == []
    received += await read_exactly(slow.far, len(sent) - len(received))
    assert received == sent
    assert slow.near.bytes_sent == len(sent)


async def test_bytes_sent_are_true_while_a_socket_is_full(stage: Stage) -> None:
    slow = stage.player(buffer_bytes=SMALL_BUFFER_BYTES)
    sent = await stalled(stage, slow)
    assert slow.near.bytes_sent == len(sent) - slow.near.queued_bytes
    stage.lanes.leave(stage.track, slow.outlet)
    assert slow.near.bytes_sent == len(sent) - slow.near.queued_bytes


async def test_bytes_sent_count_from_the_joining_to_the_leaving(stage: Stage) -> None:
    early = stage.player()
    first = len(stage.send())
    late = stage.player()
    second = len(stage.send())
    assert (early.near.bytes_sent, late.near.bytes_sent) == (first + second, second)
    stage.lanes.leave(stage.track, late.outlet)
    third = len(stage.send())
    assert (early.near.bytes_sent, late.near.bytes_sent) == (first + second + third, second)


async def test_a_broken_connection_is_closed_and_the_row_goes_on(stage: Stage) -> None:
    for _ in range(4):
        stage.player()
    gone = stage.players[1]
    gone.far.close()
    expected = bytearray()
    # The first sends may still be taken, until the peer's reset has come.
    while not gone.near.closed:
        expected += stage.send()
        await asyncio.sleep(0)
    expected += stage.send()
    for player in stage.players:
        if player is not gone:
            assert await read_exactly(player.far, len(expected)) == expected
    stage.lanes.leave(stage.track, gone.outlet)


async def test_what_is_corked_stays_in_order(stage: Stage) -> None:
    player = stage.player()
    expected = bytearray(stage.send())
    player.near.cork()
    player.near.write(b"answer")
    expected += b"answer" + stage.send()
    assert player.near.queued_bytes
    player.near.uncork()
    expected += stage.send()
    assert await read_exactly(player.far, len(expected)) == expected


async def test_rtcp_and_answers_stand_between_batches(stage: Stage) -> None:
    player = stage.player()
    expected = bytearray(stage.send())
    stage.track.fan_out.send_rtcp(PacketBatch([b"rtcp"], 0.0))
    player.near.write(b"answer")
    expected += frame_interleaved(1, [b"rtcp"]) + b"answer" + stage.send()
    assert await read_exactly(player.far, len(expected)) == expected


async def test_a_closing_connection_gets_no_more(stage: Stage) -> None:
    player = stage.player()
    expected = stage.send()
    player.near.close()
    stage.send()
    player.far.shutdown(socket.SHUT_WR)
    assert await read_to_end(player.far) == expected


async def test_the_gate_of_a_slow_reader_leaves_out(stage: Stage) -> None:
    healthy = stage.player()
    slow = stage.player(buffer_bytes=SMALL_BUFFER_BYTES, settings=HASTY)
    sent = bytearray(await stalled(stage, slow))
    while not slow.outlet.gate.dropped_packets:
        sent += stage.send()
    kept = slow.near.bytes_sent + slow.near.queued_bytes
    assert await read_exactly(healthy.far, len(sent)) == sent
    assert await read_exactly(slow.far, kept) == sent[:kept]
    await slow.recorder.until(lambda: slow.recorder.drained)
    # Still not in the row: the gate has to let it pass first.
    dropped = slow.outlet.gate.dropped_packets
    frames = [stage.send(), stage.send()]
    assert slow.outlet.gate.dropped_packets == dropped
    assert await read_exactly(slow.far, sum(map(len, frames))) == b"".join(frames)


async def test_a_reader_slow_for_too_long_expires(stage: Stage) -> None:
    strict = MountSettings(
        slow_reader_max_bytes=1024, slow_reader_policy=SlowReaderPolicy.DISCONNECT
    )
    slow = stage.player(buffer_bytes=SMALL_BUFFER_BYTES, settings=strict)
    while not slow.expired:
        stage.send()
    assert slow.near.queued_bytes > 1024


async def test_an_outlet_that_raises_is_taken_off_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy, broken = stage.player(), stage.player(buffer_bytes=SMALL_BUFFER_BYTES)
    sent = bytearray(await stalled(stage, broken))

    def fail(_batch: PacketBatch) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(InterleavedOutlet, "send_batch", lambda outlet, batch: fail(batch))
    sent += stage.send()
    sent += stage.send()
    assert [str(error) for error in broken.errors] == ["broken"]
    assert stage.track.fan_out.errors == 1
    assert healthy.errors == []
    assert await read_exactly(healthy.far, len(sent)) == sent


async def test_a_lane_that_fails_tells_all_and_a_new_one_takes_its_place(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = stage.player(), stage.player()
    with monkeypatch.context() as patch:
        patch.setattr(PacketBatch, "shared", lambda *_: 1 / 0)
        stage.send()
    assert [type(error) for error in first.errors] == [ZeroDivisionError]
    assert [type(error) for error in second.errors] == [ZeroDivisionError]
    assert len(stage.lanes) == 0
    third = stage.player()
    frames = stage.send()
    assert await read_exactly(third.far, len(frames)) == frames


async def test_leaving_twice_and_never_joined_are_no_errors(stage: Stage) -> None:
    player = stage.player()
    for _ in range(2):
        stage.lanes.leave(stage.track, player.outlet)
    stage.send()
    assert player.near.bytes_sent == 0


async def test_two_tracks_of_one_connection_share_its_socket(stage: Stage) -> None:
    player = stage.player()
    other_track = Track(1, SessionDescription.parse(SDP).media[0], clock=time.monotonic)
    other = InterleavedOutlet(
        player, player.near, SlowReaderGate(PATIENT, has_key_frames=False), QueueBudget(1 << 30)
    )
    other.use((2, 3))
    stage.lanes.join(other_track, other)
    expected = bytearray(stage.send())
    other_track.write(packets(7))
    expected += frame_interleaved(2, packets(7)) + stage.send()
    assert await read_exactly(player.far, len(expected)) == expected
    assert player.near.bytes_sent == len(expected)
    stage.lanes.leave(other_track, other)


@pytest.mark.parametrize("seed", range(8))
async def test_any_course_of_events_leaves_everybody_whole(stage: Stage, seed: int) -> None:
    """Stalls, corks, answers and comings at random: every stream is what was written to it."""
    chance = random.Random(seed)
    expected: dict[int, bytearray] = {}
    received: dict[int, bytearray] = {}

    def come() -> None:
        expected[len(stage.players)] = bytearray()
        received[len(stage.players)] = bytearray()
        stage.player(buffer_bytes=chance.choice((None, SMALL_BUFFER_BYTES)))

    def send() -> None:
        frames = stage.send(chance.choice((20, 400, 3000)))
        for stream in expected.values():
            stream += frames

    def cork() -> None:
        chance.choice(stage.players).near.cork()

    def uncork() -> None:
        for player in stage.players:
            player.near.uncork()

    def answer() -> None:
        number = chance.randrange(len(stage.players))
        stage.players[number].near.write(b"answer")
        expected[number] += b"answer"

    def read() -> None:
        number = chance.randrange(len(stage.players))
        with contextlib.suppress(BlockingIOError):
            received[number] += stage.players[number].far.recv(chance.choice((100, 5000, 100_000)))

    come()
    acts: list[Callable[[], None]] = [come, *[send] * 10, cork, *[uncork] * 2, answer, *[read] * 8]
    for _ in range(300):
        chance.choice(acts)()
        if chance.random() < 0.5:
            await asyncio.sleep(0)
    uncork()
    async with asyncio.timeout(DEADLINE_S):
        for number, player in enumerate(stage.players):
            left = len(expected[number]) - len(received[number])
            received[number] += await read_exactly(player.far, left)
            assert received[number] == expected[number]
            assert player.near.bytes_sent == len(expected[number])


async def test_rtcp_obeys_the_bounds_of_a_reader_that_takes_nothing(stage: Stage) -> None:
    """Also on a track without RTP, where nothing else asks the gate."""
    bounded = MountSettings(slow_reader_max_bytes=50_000)
    player = stage.player(buffer_bytes=4096, settings=bounded)
    report = PacketBatch([bytes(1200)] * 10, time.monotonic())
    for _ in range(1000):
        stage.track.fan_out.send_rtcp(report)
    assert player.near.queued_bytes < 50_000 + 2 * report.size_bytes
    assert player.outlet.dropped_rtcp_packets > 9000


async def test_rtcp_obeys_the_budget_of_all_readers(stage: Stage) -> None:
    player = stage.player(buffer_bytes=4096)
    budget = player.outlet.budget = QueueBudget(0)
    budget.queued.size_bytes = 1
    batch = PacketBatch([bytes(64_000)], time.monotonic())
    stage.track.fan_out.send_rtcp(batch)
    queued_bytes = player.near.queued_bytes
    assert queued_bytes > 0
    stage.track.fan_out.send_rtcp(batch)
    assert player.near.queued_bytes == queued_bytes
    assert player.outlet.dropped_rtcp_packets == 1


async def test_rtcp_is_framed_once_for_all_readers_of_a_channel(
    stage: Stage, written: list[TcpStream]
) -> None:
    players = [stage.player() for _ in range(3)]
    batch = PacketBatch([b"first", b"second"], time.monotonic())
    stage.track.fan_out.send_rtcp(batch)
    frames = frame_interleaved(1, batch.packets)
    for player in players:
        assert await read_exactly(player.far, len(frames)) == frames
    assert written == [player.near for player in players]
    assert batch.shared(("$", 1), lambda _: b"made again") == frames
