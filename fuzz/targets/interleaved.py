"""Frames written and read again."""

from __future__ import annotations

from fuzz.target import Target
from headwater.protocol.connection_parser import WireParser
from headwater.protocol.interleaved import frame_interleaved
from headwater.protocol.message import InterleavedFrames


def run(data: bytes) -> None:
    channel = data[0] if data else 0
    packets = data[1:].split(b"\xff\x00")
    stream = frame_interleaved(channel, packets)
    assert len(stream) == sum(map(len, packets)) + 4 * len(packets)
    parser = WireParser()
    got: list[bytes] = []
    cut = len(data) * 7 % (len(stream) + 1)
    for piece in (stream[:cut], stream[cut:]):
        parser.receive_data(piece)
        while (event := parser.next_event()) is not None:
            assert isinstance(event, InterleavedFrames)
            assert set(event.by_channel) <= {channel}
            got += event.by_channel.get(channel, [])
    assert got == [packet for packet in packets if packet]
    assert not parser.partial
    assert not parser.garbage_bytes


TARGET = Target(
    invariant="framed packets come out as they went in, whatever bytes they hold",
    run=run,
    words=(b"\xff\x00", b"$\x00\x00\x04", b"RTSP/1.0 200 OK\r\n\r\n"),
    max_bytes=1024,
)
