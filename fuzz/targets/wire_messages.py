"""Requests and responses: what is read is written, and read again."""

from __future__ import annotations

from fuzz.target import Target, check_blame
from fuzz.targets.wire_events import WORDS
from headwater.protocol.connection_parser import WireParser
from headwater.protocol.errors import ProtocolError
from headwater.protocol.message import Request, Response


def message_in(data: bytes) -> Request | Response | None:
    parser = WireParser()
    parser.receive_data(data)
    try:
        event = parser.next_event()
    except ProtocolError as error:
        check_blame(error)
        return None
    return event if isinstance(event, Request | Response) else None


def run(data: bytes) -> None:
    head, mark, body = data.partition(b"\r\n\r\n")
    if mark and b"ontent-" not in head:
        head += b"\r\nContent-Length: %d" % len(body)
    message = message_in(head + mark + body)
    if message is None:
        return
    written = message.to_bytes()
    again = message_in(written)
    assert type(again) is type(message), written
    assert again.body == message.body
    assert again.to_bytes() == written
    if isinstance(message, Request) and isinstance(again, Request):
        assert (again.method, again.uri, again.cseq) == (message.method, message.uri, message.cseq)
    elif isinstance(message, Response) and isinstance(again, Response):
        assert again.status == message.status


TARGET = Target(
    invariant="a message that was read is written so that it reads the same, else ProtocolError",
    run=run,
    words=WORDS,
    max_bytes=1024,
)
