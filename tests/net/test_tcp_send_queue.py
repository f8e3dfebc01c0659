"""A stream's queue keeps every byte in order, measures what waits, and counts it with others."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from stream_ends import Recorder, fill, open_stream, pattern, read_exactly, read_to_end

from headwater.net import tcp_send_queue
from headwater.net.kernel_features import probe
from headwater.net.stream import QueuedTotal
from headwater.net.tcp_stream import TcpStream

SocketPair = tuple[socket.socket, socket.socket]


@dataclass
class Ends:
    """A stream, what it told, the total it counts in, and the socket at its far end."""

    stream: TcpStream
    recorder: Recorder
    total: QueuedTotal
    far: socket.socket


async def _ends(pair: SocketPair) -> AsyncIterator[Ends]:
    near, far = pair
    recorder, total = Recorder(), QueuedTotal()
    async with open_stream(near, recorder, queued_total=total) as stream:
        yield Ends(stream, recorder, total, far)
    assert total.size_bytes == 0


@pytest.fixture
async def wide(pair: SocketPair) -> AsyncIterator[Ends]:
    """A stream whose socket takes all that these tests write."""
    async for ends in _ends(pair):
        yield ends


@pytest.fixture
async def tight(narrow: SocketPair) -> AsyncIterator[Ends]:
    """A stream whose socket is soon full."""
    async for ends in _ends(narrow):
        yield ends


@pytest.fixture(params=[True, False], ids=["vectored", "single"])
def vectored(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without the system call that takes many buffers."""
    if request.param and not probe().sendmsg:
        pytest.skip("no sendmsg here")
    features = replace(probe(), sendmsg=request.param)
    monkeypatch.setattr(tcp_send_queue, "probe", lambda: features)


@pytest.mark.usefixtures("vectored")
async def test_queue_keeps_order_and_is_measured(tight: Ends) -> None:
    loop = asyncio.get_running_loop()
    stream, recorder, total = tight.stream, tight.recorder, tight.total
    before = loop.time()
    written = fill(stream)
    for number in range(200):
        block = bytes([number]) * (number * 7)
        stream.write(block)
        written += block
    assert stream.queued_bytes == len(written) - stream.bytes_sent > 0
    assert total.size_bytes == stream.queued_bytes
    stalled_since = stream.writes_stalled_since
    assert stalled_since is not None
    assert before <= stalled_since <= loop.time()
    assert stream.oldest_queued_s(before + 100) <= 100
    assert stream.oldest_queued_s(loop.time()) >= 0
    assert recorder.drained == 0
    assert await read_exactly(tight.far, len(written)) == written
    await recorder.until(lambda: recorder.drained == 1)
    assert (stream.queued_bytes, stream.writes_stalled_since) == (0, None)
    assert total.size_bytes == 0
    assert stream.oldest_queued_s(loop.time()) == 0.0
    assert stream.bytes_sent == len(written)


async def test_queue_does_not_copy(tight: Ends) -> None:
    fill(tight.stream)
    block = bytes(50_000)
    tight.stream.write(block)
    assert tight.stream._queue[-1] is block


async def test_one_large_write(tight: Ends) -> None:
    data = pattern(3_000_000)
    tight.stream.write(data)
    assert tight.stream.queued_bytes == len(data) - tight.stream.bytes_sent
    assert await read_exactly(tight.far, len(data)) == data


async def test_streams_count_in_one_total(pair: SocketPair, narrow: SocketPair) -> None:
    total = QueuedTotal()
    recorders = Recorder(), Recorder()
    async with (
        open_stream(pair[0], recorders[0], queued_total=total) as one,
        open_stream(narrow[0], recorders[1], queued_total=total) as other,
    ):
        one.cork()
        one.write(bytes(1_000))
        fill(other)
        assert total.size_bytes == one.queued_bytes + other.queued_bytes >= 101_000
        other.abort()
        assert total.size_bytes == 1_000
        one.uncork()
        assert total.size_bytes == 0


async def test_cork_sends_what_was_written_in_one_go(wide: Ends) -> None:
    stream = wide.stream
    stream.cork()
    for number in range(100):
        stream.write(bytes([number]) * 10)
    assert (stream.bytes_sent, stream.queued_bytes) == (0, 1_000)
    assert stream.writes_stalled_since is None
    stream.uncork()
    stream.uncork()
    assert (stream.bytes_sent, stream.queued_bytes) == (1_000, 0)
    expected = b"".join(bytes([number]) * 10 for number in range(100))
    assert await read_exactly(wide.far, 1_000) == expected
    stream.write(b"after")
    assert await read_exactly(wide.far, 5) == b"after"
    assert wide.recorder.drained == 0


async def test_uncork_into_a_full_buffer_goes_on_when_there_is_room(tight: Ends) -> None:
    stream = tight.stream
    stream.cork()
    data = pattern(3_000_000)
    for at in range(0, len(data), 100_000):
        stream.write(data[at : at + 100_000])
    stream.uncork()
    assert 0 < stream.queued_bytes < len(data)
    assert stream.writes_stalled_since is not None
    assert await read_exactly(tight.far, len(data)) == data
    await tight.recorder.until(lambda: tight.recorder.drained == 1)


async def test_close_while_corked_flushes_and_ends(wide: Ends) -> None:
    stream = wide.stream
    stream.cork()
    stream.write(b"last words")
    stream.close()
    stream.uncork()
    assert await read_to_end(wide.far) == b"last words"
    wide.far.close()
    await wide.recorder.until(lambda: wide.recorder.closed == [None])
