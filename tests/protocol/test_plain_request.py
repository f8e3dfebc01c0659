"""A plain head is read as `message_head` reads it, and every other head is left to that."""

from __future__ import annotations

import random

import pytest

from headwater.protocol.message_head import parse_head
from headwater.protocol.plain_request import plain_request
from headwater.protocol.wire_limits import WireLimits

LIMITS = WireLimits()

PLAIN = {
    "no header": b"OPTIONS * RTSP/1.0\r\n\r\n",
    "usual": b"DESCRIBE rtsp://h/cam RTSP/1.0\r\nCSeq: 3\r\nUser-Agent: VLC (live555)\r\n\r\n",
    "blanks around values": b"PLAY rtsp://h/c RTSP/1.0\r\nCSeq:4\r\nSession: \t a b \t\r\n\r\n",
    "an empty value": b"SETUP rtsp://h/c RTSP/1.0\r\nSession:\r\nCSeq: 2\r\n\r\n",
    "colons in a value": b"PLAY rtsp://h:554/c RTSP/1.0\r\nReferer: rtsp://h:1/\r\n\r\n",
    "one name twice": b"PLAY rtsp://h/c RTSP/1.0\r\nRequire: a\r\nrequire: b\r\n\r\n",
    "another method": b"x-Method rtsp://h/c RTSP/1.0\r\n\r\n",
}

OTHER = {
    "a body to come": b"ANNOUNCE rtsp://h/c RTSP/1.0\r\nCSeq: 1\r\ncontent-length: 9\r\n\r\n",
    "not whole": b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n",
    "a long method": b"A" * 41 + b" * RTSP/1.0\r\n\r\n",
    "an answer": b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n",
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "another version": b"OPTIONS * RTSP/2.0\r\n\r\n",
    "a blank in the URI": b"PLAY rtsp://h/a b RTSP/1.0\r\n\r\n",
    "LF alone": b"OPTIONS * RTSP/1.0\nCSeq: 1\n\n",
    "LF alone in between": b"OPTIONS * RTSP/1.0\r\nCSeq: 1\nSession: 2\r\n\r\n",
    "a continuation": b"OPTIONS * RTSP/1.0\r\nSession: 1\r\n 2\r\n\r\n",
    "a blank before the colon": b"OPTIONS * RTSP/1.0\r\nCSeq : 1\r\n\r\n",
    "no colon": b"OPTIONS * RTSP/1.0\r\nCSeq 1\r\n\r\n",
    "no name": b"OPTIONS * RTSP/1.0\r\n: 1\r\n\r\n",
    "a control character": b"OPTIONS * RTSP/1.0\r\nCSeq: \x01\r\n\r\n",
    "UTF-8": "OPTIONS rtsp://h/ü RTSP/1.0\r\n\r\n".encode(),
    "too many items": b"OPTIONS * RTSP/1.0\r\nA: " + b";" * 101 + b"\r\n\r\n",
    "too many lines": b"OPTIONS * RTSP/1.0\r\n" + b"A: 1\r\n" * 101 + b"\r\n",
    "long": b"OPTIONS rtsp://h/" + b"x" * 4096 + b" RTSP/1.0\r\n\r\n",
}


@pytest.mark.parametrize("head", PLAIN.values(), ids=PLAIN)
def test_a_plain_head_says_the_same_read_either_way(head: bytes) -> None:
    found = plain_request(b"$" + head + b"PLAY", 1, LIMITS)
    assert found is not None
    request, end = found
    assert end == 1 + len(head)
    carefully = parse_head(head, offset=0, limits=LIMITS)
    assert request == carefully
    assert request.headers.items() == carefully.headers.items()


@pytest.mark.parametrize("head", OTHER.values(), ids=OTHER)
def test_another_head_is_left_to_the_careful_reader(head: bytes) -> None:
    assert plain_request(head, 0, LIMITS) is None


def test_a_changed_head_is_read_alike_or_left_to_the_careful_reader() -> None:
    chance = random.Random(10)
    read = 0
    for _ in range(4000):
        head = bytearray(chance.choice([*PLAIN.values(), *OTHER.values()]))
        for _ in range(chance.randint(0, 2)):
            head[chance.randrange(len(head))] = chance.choice(b' \t\r\n:;,"Aa0\x00\x7f\xff')
        found = plain_request(bytes(head), 0, LIMITS)
        if found is not None:
            read += 1
            request, end = found
            assert request == parse_head(bytes(head[:end]), offset=0, limits=LIMITS)
    assert read > 500
