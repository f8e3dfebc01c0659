"""TcpStream reads in bounded turns, contains its receiver's faults, and ends exactly once."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import struct

import pytest
from logged import event_of
from stream_ends import (
    HalfOpenRecorder,
    Recorder,
    fill,
    open_stream,
    pattern,
    read_exactly,
    read_to_end,
    tcp_pair,
)

from headwater.net import tcp_stream
from headwater.net.stream import ByteStream


async def test_is_a_byte_stream(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    async with open_stream(near, Recorder()) as stream:
        checked: ByteStream = stream
        assert checked.peer_address == far.getsockname()
        assert checked.local_address == far.getpeername()
        assert not checked.secure
        assert not checked.closed


async def test_both_directions(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        stream.write(b"there")
        stream.write(b"")
        stream.write(b" and")
        assert await read_exactly(far, 9) == b"there and"
        far.send(b"back")
        await recorder.until(lambda: recorder.received == b"back")
        assert (stream.bytes_sent, stream.bytes_received) == (9, 4)
        assert (stream.queued_bytes, stream.writes_stalled_since) == (0, None)


async def test_close_flushes(narrow: tuple[socket.socket, socket.socket]) -> None:
    near, far = narrow
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        written = fill(stream)
        stream.close()
        stream.close()
        assert stream.closed
        stream.write(b"too late")
        assert await read_to_end(far) == written
        far.close()
        await recorder.until(lambda: recorder.closed == [None])
        assert recorder.drained == 0


async def test_close_gives_up_at_its_deadline(narrow: tuple[socket.socket, socket.socket]) -> None:
    near, _far = narrow
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        fill(stream)
        stream.close(deadline_s=0.05)
        await recorder.until(lambda: recorder.closed)
    (error,) = recorder.closed
    assert isinstance(error, TimeoutError)
    assert "not sent 0.05 s after close" in str(error)


async def test_default_close_deadline(narrow: tuple[socket.socket, socket.socket]) -> None:
    near, _far = narrow
    recorder = Recorder()
    async with open_stream(near, recorder, close_deadline_s=0.02) as stream:
        fill(stream)
        stream.close()
        await recorder.until(lambda: recorder.closed)
    assert isinstance(recorder.closed[0], TimeoutError)


async def test_answer_before_close_survives_unread_data(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    near, far = pair
    recorder = Recorder()
    async with open_stream(near, recorder, read_bytes=1_024, reads_per_wake=1) as stream:
        far.send(bytes(200_000))
        await recorder.until(lambda: recorder.received)
        seen = len(recorder.received)
        stream.write(b"400 Bad Request")
        stream.close()
        assert await read_to_end(far) == b"400 Bad Request"
        far.close()
        await recorder.until(lambda: recorder.closed)
        assert recorder.closed == [None]
        assert len(recorder.received) == seen


async def test_close_does_not_wait_long_for_the_peer(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_stream, "_LINGER_S", 0.02)
    near, far = pair
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        stream.close()
        assert await read_to_end(far) == b""
        await recorder.until(lambda: recorder.closed)
        assert recorder.closed == [None]


async def test_peer_ends(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        far.send(b"last words")
        far.close()
        await recorder.until(lambda: recorder.closed)
        assert recorder.received == b"last words"
        assert recorder.closed == [None]
        assert stream.closed


async def test_peer_ends_its_side_and_gets_what_is_queued(
    narrow: tuple[socket.socket, socket.socket],
) -> None:
    near, far = narrow
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        written = fill(stream)
        far.shutdown(socket.SHUT_WR)
        assert await read_to_end(far) == written
        await recorder.until(lambda: recorder.closed == [None])


async def test_half_close_receiver_goes_on(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    recorder = HalfOpenRecorder()
    async with open_stream(near, recorder) as stream:
        far.shutdown(socket.SHUT_WR)
        await recorder.until(lambda: recorder.ended == 1)
        await asyncio.sleep(0)
        assert not stream.closed
        stream.pause_reading()
        stream.resume_reading()
        stream.write(b"answer")
        assert await read_exactly(far, 6) == b"answer"
        stream.close()
        assert await read_to_end(far) == b""
        await recorder.until(lambda: recorder.closed == [None])
        assert recorder.ended == 1


async def test_reset_while_reading(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        far.close()
        await recorder.until(lambda: recorder.closed)
        assert isinstance(recorder.closed[0], ConnectionResetError)
        assert stream.closed


async def test_reset_right_behind_data(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        stream.pause_reading()
        await asyncio.sleep(0)
        far.send(b"data")
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        far.close()
        stream.resume_reading()
        await recorder.until(lambda: recorder.closed)
        assert isinstance(recorder.closed[0], ConnectionResetError)


async def test_reset_while_writing_never_raises(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        stream.pause_reading()
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        far.close()
        while not stream.closed:
            stream.write(b"x")
            assert not recorder.closed, "told from inside write"
        stream.write(b"y")
        await recorder.until(lambda: recorder.closed)
        error = recorder.closed[0]
        assert isinstance(error, OSError)
        assert error.errno in (errno.EPIPE, errno.ECONNRESET)


async def test_reset_while_queued(narrow: tuple[socket.socket, socket.socket]) -> None:
    near, far = narrow
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        stream.pause_reading()
        fill(stream)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        far.close()
        await recorder.until(lambda: recorder.closed)
        assert isinstance(recorder.closed[0], OSError)
        assert stream.queued_bytes == 0


async def test_abort_resets_the_peer_and_passes_its_error(
    narrow: tuple[socket.socket, socket.socket],
) -> None:
    near, far = narrow
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        fill(stream)
        cause = TimeoutError("stalled")
        stream.abort(cause)
        stream.abort()
        stream.close()
        assert not recorder.closed
        await recorder.until(lambda: recorder.closed)
        assert recorder.closed == [cause]
        with pytest.raises(ConnectionResetError):
            await read_to_end(far)


@pytest.mark.parametrize("way", ["abort", "close"])
async def test_ending_inside_a_callback(
    pair: tuple[socket.socket, socket.socket], way: str
) -> None:
    near, far = pair
    recorder = Recorder()
    async with open_stream(near, recorder, read_bytes=1_024) as stream:
        recorder.on_data = lambda data: getattr(stream, way)()
        far.send(bytes(50_000))
        await recorder.until(lambda: stream.closed)
        if way == "close":
            assert await read_to_end(far) == b""
            far.close()
        await recorder.until(lambda: recorder.closed)
        assert recorder.chunks == 1
        assert recorder.closed == [None]


async def test_abort_inside_drained(narrow: tuple[socket.socket, socket.socket]) -> None:
    near, far = narrow

    class Aborting(Recorder):
        def stream_drained(self) -> None:
            super().stream_drained()
            stream.abort()

    recorder = Aborting()
    async with open_stream(near, recorder) as stream:
        written = fill(stream)
        # The reset that follows the last byte may overtake what is not yet read.
        with contextlib.suppress(ConnectionResetError):
            await read_exactly(far, len(written))
        await recorder.until(lambda: recorder.closed == [None])


async def test_failing_receiver_ends_its_own_stream(
    pair: tuple[socket.socket, socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    near, far = pair
    recorder = Recorder()
    fault = RuntimeError("a bug")

    def fail(data: bytes) -> None:
        raise fault

    recorder.on_data = fail
    async with open_stream(near, recorder):
        far.send(b"data")
        await recorder.until(lambda: recorder.closed)
    assert recorder.closed == [fault]
    assert [event_of(record) for record in caplog.records] == ["Stream receiver failed"]
    assert caplog.records[0].exc_info is not None


async def test_failing_closed_callback_is_logged(
    pair: tuple[socket.socket, socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    near, _far = pair

    class Failing(Recorder):
        def stream_closed(self, error: Exception | None) -> None:
            super().stream_closed(error)
            raise RuntimeError("a bug")

    with caplog.at_level(logging.ERROR):
        async with open_stream(near, Failing()) as stream:
            stream.abort()
    assert "Stream receiver failed" in caplog.text


async def test_pause_holds_the_peer_back_and_resume_loses_nothing(
    narrow: tuple[socket.socket, socket.socket],
) -> None:
    near, far = narrow
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        far.send(b"first")
        await recorder.until(lambda: recorder.received == b"first")
        stream.pause_reading()
        stream.pause_reading()
        sent = bytearray()
        with contextlib.suppress(BlockingIOError):
            while True:
                block = pattern(10_000)
                sent += block[: far.send(block)]
        for _ in range(5):
            await asyncio.sleep(0)
        assert recorder.received == b"first"
        stream.resume_reading()
        stream.resume_reading()
        await recorder.until(lambda: len(recorder.received) == 5 + len(sent))
        assert recorder.received[5:] == sent


async def test_pause_inside_a_callback_stops_at_once(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    near, far = pair
    recorder = Recorder()
    async with open_stream(near, recorder, read_bytes=1_024) as stream:
        recorder.on_data = lambda data: stream.pause_reading()
        far.send(bytes(10_000))
        await recorder.until(lambda: recorder.chunks == 1)
        for _ in range(5):
            await asyncio.sleep(0)
        assert recorder.chunks == 1
        stream.resume_reading()
        await recorder.until(lambda: recorder.chunks == 2)


async def test_reads_per_wake_are_bounded(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    recorder = Recorder()
    loop = asyncio.get_running_loop()

    turns: list[int] = []
    open_turn = False

    def count_turn(data: bytes) -> None:
        nonlocal open_turn
        if not open_turn:
            open_turn = True
            turns.append(0)
            loop.call_soon(end_turn)
        turns[-1] += 1

    def end_turn() -> None:
        nonlocal open_turn
        open_turn = False

    recorder.on_data = count_turn
    async with open_stream(near, recorder, read_bytes=1_024, reads_per_wake=3):
        far.send(bytes(20_480))
        await recorder.until(lambda: len(recorder.received) == 20_480)
    assert max(turns) == 3


async def test_initial_data_comes_first(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    recorder = Recorder()
    far.send(b" and what follows")
    async with open_stream(near, recorder, initial_data=b"already read"):
        await recorder.until(lambda: len(recorder.received) == 29)
        assert recorder.received == b"already read and what follows"


async def test_initial_data_waits_for_a_paused_stream(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    near, _far = pair
    recorder = Recorder()
    async with open_stream(near, recorder, initial_data=b"already read") as stream:
        stream.pause_reading()
        for _ in range(3):
            await asyncio.sleep(0)
        assert not recorder.received
        stream.resume_reading()
        await recorder.until(lambda: recorder.received == b"already read")


async def test_receiver_can_be_replaced(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    first, second = Recorder(), Recorder()
    async with open_stream(near, second) as stream:
        stream.receiver = first
        far.send(b"one")
        await first.until(lambda: first.received == b"one")
        stream.receiver = second
        far.send(b"two")
        await second.until(lambda: second.received == b"two")
        assert first.received == b"one"


async def test_peer_gone_before_the_stream_is_made() -> None:
    near, far = tcp_pair()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    far.close()
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        assert stream.peer_address == ("", 0)
        await recorder.until(lambda: recorder.closed)
    assert isinstance(recorder.closed[0], ConnectionResetError)


async def test_close_in_the_first_turn(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    recorder = Recorder()
    async with open_stream(near, recorder, initial_data=b"x") as stream:
        stream.write(b"bye")
        stream.close()
        assert await read_to_end(far) == b"bye"
        far.close()
        await recorder.until(lambda: recorder.closed == [None])
        assert not recorder.received
