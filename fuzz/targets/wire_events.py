"""What a `WireParser` made of a stream, in a form that two ways of cutting it share."""

from __future__ import annotations

from collections.abc import Iterable

from fuzz.target import check_blame
from headwater.protocol.connection_parser import WireParser
from headwater.protocol.errors import ProtocolError
from headwater.protocol.message import InterleavedFrames, Request, Response
from headwater.protocol.wire_limits import WireLimits

Seen = tuple[object, ...]

LIMITS = WireLimits(
    max_header_bytes=256,
    max_header_count=6,
    max_body_bytes=64,
    max_uri_bytes=80,
    max_garbage_bytes=200,
)
"""Small, so that every limit is within an input's reach."""

WORDS = (
    b"RTSP/1.0\r\n",
    b"RTSP/1.0 200 OK\r\n",
    b"OPTIONS * RTSP/1.0\r\n",
    b"PLAY rtsp://h/a RTSP/1.0\r\n",
    b"CSeq: 1\r\n",
    b"Content-Length: 4\r\n",
    b"Session: 1\r\n",
    b"\r\n\r\n",
    b"$\x00\x00\x08\x80\xc8\x00\x01",
    b"$\x01\x00\x00",
    b"GET / HTTP/1.1\r\n",
    b"RTSP/2.0",
    b" folded\r\n",
    b"Authorization: Basic YTpi\n\r\n",
    b"OPTIONS * RTSP/1.0\r\nA: b\n\r\nContent-Length: 4\r\n\r\n",
    b"Yg==\n",
)


def events_of(pieces: Iterable[bytes], limits: WireLimits) -> tuple[list[Seen], WireParser]:
    """Every event of the stream; frames between two messages are joined by channel."""
    parser = WireParser(limits=limits)
    seen: list[Seen] = []
    frames: dict[int, list[bytes]] = {}

    def close_frames() -> None:
        if frames:
            seen.append(("frames", {channel: tuple(run) for channel, run in frames.items()}))
            frames.clear()

    for piece in pieces:
        parser.receive_data(piece)
        while True:
            try:
                event = parser.next_event()
            except ProtocolError as error:
                check_blame(error)
                close_frames()
                place = (error.where, error.offset, error.request_cseq)
                seen.append(("error", error.status, error.message, *place, error.fatal))
                continue
            match event:
                case None:
                    break
                case InterleavedFrames(by_channel=by_channel):
                    for channel, packets in by_channel.items():
                        if packets:
                            frames.setdefault(channel, []).extend(packets)
                case Request():
                    close_frames()
                    seen.append((event.method, event.uri, event.headers.items(), event.body))
                case Response():
                    close_frames()
                    seen.append((event.status, event.reason, event.headers.items(), event.body))
    close_frames()
    return seen, parser
