"""A corked TcpStream keeps what is written until it is uncorked, then sends it in one go."""

from __future__ import annotations

import socket

from stream_ends import Recorder, open_stream, pattern, read_exactly, read_to_end


async def test_cork_sends_what_was_written_in_one_go(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    near, far = pair
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        stream.cork()
        for number in range(100):
            stream.write(bytes([number]) * 10)
        assert (stream.bytes_sent, stream.queued_bytes) == (0, 1_000)
        assert stream.writes_stalled_since is None
        stream.uncork()
        stream.uncork()
        assert (stream.bytes_sent, stream.queued_bytes) == (1_000, 0)
        expected = b"".join(bytes([number]) * 10 for number in range(100))
        assert await read_exactly(far, 1_000) == expected
        stream.write(b"after")
        assert await read_exactly(far, 5) == b"after"
        assert recorder.drained == 0


async def test_uncork_into_a_full_buffer_goes_on_when_there_is_room(
    narrow: tuple[socket.socket, socket.socket],
) -> None:
    near, far = narrow
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        stream.cork()
        data = pattern(3_000_000)
        for at in range(0, len(data), 100_000):
            stream.write(data[at : at + 100_000])
        stream.uncork()
        assert 0 < stream.queued_bytes < len(data)
        assert stream.writes_stalled_since is not None
        assert await read_exactly(far, len(data)) == data
        await recorder.until(lambda: recorder.drained == 1)


async def test_close_while_corked_flushes_and_ends(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    near, far = pair
    recorder = Recorder()
    async with open_stream(near, recorder) as stream:
        stream.cork()
        stream.write(b"last words")
        stream.close()
        stream.uncork()
        assert await read_to_end(far) == b"last words"
        far.close()
        await recorder.until(lambda: recorder.closed == [None])
