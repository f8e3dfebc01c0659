"""Streams drawn at random: whatever is sent comes out, however it is cut."""

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.protocol.connection_parser import WireParser
from headwater.protocol.errors import ProtocolError
from headwater.protocol.headers import Headers
from headwater.protocol.interleaved import DOLLAR, frame_interleaved
from headwater.protocol.message import InterleavedFrames, Request, Response
from headwater.protocol.method import Method
from headwater.protocol.rtp import cut_run
from headwater.protocol.wire_limits import WireLimits

Seen = tuple[object, ...]

texts = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=12
)
names = st.from_regex(r"X-[A-Za-z0-9]{1,8}", fullmatch=True)
bodies = st.binary(max_size=40) | st.sampled_from(
    [b"$\x00\x00\x02", b"\r\n\r\n", b"PLAY * RTSP/1.0"]
)
headers = st.lists(st.tuples(names, texts | st.just("")), max_size=4).map(Headers)
requests = st.builds(
    Request,
    st.sampled_from(Method).map(str) | st.just("X-UNKNOWN"),
    texts.map(lambda text: f"rtsp://h/{text}") | st.just("rtsp://h/my cam") | st.just("*"),
    headers,
    bodies,
)
responses = st.builds(
    Response, st.integers(100, 999), headers, bodies, st.sampled_from(["OK", "", "Not Found"])
)
packets = st.binary(max_size=30) | st.just(b"$\x01\x00\x05")
frames = st.dictionaries(st.integers(0, 255), st.lists(packets, min_size=1, max_size=3), max_size=3)
blanks = st.sampled_from([b"\r\n", b"\n", b" \t\r\n"])
items = st.lists(requests | responses | frames | blanks, max_size=8)


def written(item: object) -> bytes:
    if isinstance(item, Request | Response):
        return item.to_bytes()
    if isinstance(item, dict):
        return b"".join(frame_interleaved(channel, item[channel]) for channel in item)
    assert isinstance(item, bytes)
    return item


def seen(event: object) -> Seen:
    match event:
        case Request():
            return (event.method, event.uri, without_length(event.headers), event.body)
        case Response():
            return (event.status, event.reason, without_length(event.headers), event.body)
        case ProtocolError():
            return (
                event.status,
                event.message,
                event.where,
                event.offset,
                event.request_cseq,
                event.fatal,
            )
    raise AssertionError(event)


def without_length(headers: Headers) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name != "Content-Length"]


def add_frames(collected: list[Seen], by_channel: dict[int, list[bytes]]) -> None:
    """Join runs of frames that follow each other: where they are cut depends on the reads."""
    if not by_channel:
        return
    run = collected.pop()[1] if collected and collected[-1][0] == "frames" else {}
    assert isinstance(run, dict)
    joined = {channel: list(before) for channel, before in run.items()}
    for channel, packets in by_channel.items():
        joined.setdefault(channel, []).extend(packet for packet in packets if packet)
    collected.append(("frames", joined))


def expected(sent: list[object]) -> list[Seen]:
    collected: list[Seen] = []
    for item in sent:
        if isinstance(item, dict):
            add_frames(collected, item)
        elif not isinstance(item, bytes):
            collected.append(seen(item))
    return collected


def taken_whole(parser: WireParser, chunk: bytes, collected: list[Seen]) -> bool:
    """Take a read by the short ways, as a connection does; return whether nothing is left of it."""
    if (run := parser.whole_run(chunk)) is not None:
        add_frames(collected, {chunk[1]: cut_run(*run)})
        return True
    if chunk[0] == DOLLAR:
        led = parser.leading_frames(chunk)
        if led is not None:
            add_frames(collected, {led[0]: led[1]})
            return parser.at_rest
    elif (request := parser.whole_request(chunk)) is not None:
        collected.append(seen(request))
        return True
    parser.receive_data(chunk)
    return False


def received(parser: WireParser, chunks: list[bytes], *, shortly: bool = False) -> list[Seen]:
    collected: list[Seen] = []
    for chunk in chunks:
        if not shortly:
            parser.receive_data(chunk)
        elif taken_whole(parser, chunk, collected):
            continue
        while True:
            try:
                event = parser.next_event()
            except ProtocolError as error:
                collected.append(seen(error))
                continue
            if event is None:
                break
            if isinstance(event, InterleavedFrames):
                add_frames(collected, event.by_channel)
            else:
                collected.append(seen(event))
    return collected


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[start:end] for start, end in pairwise(edges)]


@given(items, st.lists(st.integers(0, 4000), max_size=12))
def test_what_is_sent_comes_out_however_it_is_cut(sent: list[object], places: list[int]) -> None:
    stream = b"".join(map(written, sent))
    parser = WireParser()

    assert received(parser, cut(stream, places)) == expected(sent)
    assert not parser.partial
    assert parser.offset == len(stream)
    assert parser.garbage_bytes == 0


@given(items)
@settings(max_examples=30, deadline=None)
def test_at_every_single_place(sent: list[object]) -> None:
    stream = b"".join(map(written, sent))
    whole = expected(sent)

    for at in range(len(stream) + 1):
        assert received(WireParser(), [stream[:at], stream[at:]]) == whole
    assert received(WireParser(), [stream[at : at + 1] for at in range(len(stream))]) == whole


OPTIONS = b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n"
good = st.sampled_from(
    [
        b"OPTIONS rtsp://h/p RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 3\r\n\r\nabc",
        # A frame between garbage and garbage is not believed.
        frame_interleaved(3, [b"\x80" + bytes(11)]) + b"PLAY * RTSP/1.0\r\n\r\n",
    ]
)
# Nothing that could begin a message, a frame or a blank line.
garbage = st.binary(min_size=1, max_size=60).map(
    lambda raw: b"\xff" + re.sub(rb"[$A-Za-z\r\n]", b"\x00", raw)
)


@given(st.lists(st.tuples(garbage, good), max_size=6), st.lists(st.integers(0, 2000), max_size=12))
def test_garbage_between_is_skipped_and_nothing_else(
    pieces: list[tuple[bytes, bytes]], places: list[int]
) -> None:
    first = frame_interleaved(3, [b"\x80" + bytes(11)])
    last = b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n"
    noisy = first + b"".join(bad + fine for bad, fine in pieces) + last
    clean = first + b"".join(fine for _, fine in pieces) + last
    parser = WireParser()

    assert received(parser, cut(noisy, places)) == received(WireParser(), [clean])
    assert parser.garbage_bytes == sum(len(bad) for bad, _ in pieces)


a_frame = frame_interleaved(0, [b"\x80" + bytes(7)])
another_frame = frame_interleaved(1, [b"\x80" + bytes(3)])
fragments = st.lists(
    st.sampled_from(
        [
            b"OPTIONS * RTSP/1.0\r\n",
            b"RTSP/1.0 200 OK\r\n",
            b"CSeq: 1\r\n",
            b"Content-Length: 5\r\n",
            b"Content-Length: x\r\n",
            b"RTSP/2.0",
            b"\r\n",
            b"\n",
            b"\n\r\n",
            b"Authorization: Basic YQ==\n",
            b"\r",
            b" ",
            b"$",
            b"$\x00\x00\x08\x80abcdefg",
            b"$\x00\x00\x20\x80",
            b"PLAY ",
            b"SET_PARAMETER",
            b"\x00",
            b"\xff",
            b"a",
            b":",
        ]
    )
    | st.binary(max_size=6),
    max_size=30,
)
tight = WireLimits(
    max_header_bytes=80,
    max_header_count=3,
    max_body_bytes=20,
    max_uri_bytes=10,
    max_garbage_bytes=30,
)


@given(fragments, st.lists(st.integers(0, 500), max_size=12), st.booleans())
@settings(max_examples=600, deadline=None)
def test_any_bytes_give_the_same_however_they_are_cut(
    pieces: list[bytes], places: list[int], tightly: bool
) -> None:
    stream = b"".join(pieces)
    limits = tight if tightly else WireLimits()
    whole, parts = WireParser(limits=limits), WireParser(limits=limits)

    assert received(whole, [stream]) == received(parts, cut(stream, places))
    assert received(WireParser(limits=limits), [stream[i : i + 1] for i in range(len(stream))]) == (
        received(WireParser(limits=limits), [stream])
    )


@given(requests, st.lists(st.booleans(), min_size=5, max_size=5), st.binary(max_size=20))
@settings(max_examples=60, deadline=None)
def test_an_lf_at_the_end_of_any_header_changes_nothing(
    request: Request, ended_by_lf: list[bool], behind: bytes
) -> None:
    """One rule for every header: no header, body or message comes or goes by a stray LF."""
    head, end, body = request.to_bytes().partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    noisy = [line + b"\n" * odd for line, odd in zip(lines, ended_by_lf, strict=False)]
    clean = head + end + body + OPTIONS + behind
    stream = b"\r\n".join((first, *noisy, *lines[len(noisy) :])) + end + body + OPTIONS + behind

    whole = received(WireParser(), [clean])[:2]
    for at in range(len(stream) + 1):
        assert received(WireParser(), [stream[:at], stream[at:]])[:2] == whole


media = st.lists(
    st.sampled_from(
        [a_frame, a_frame * 3, another_frame, b"$\x00\x00\x00", OPTIONS, b"\r\n", b"\xff"]
    ),
    max_size=10,
)


@given(media | fragments, st.lists(st.integers(0, 500), max_size=12))
@settings(max_examples=600, deadline=None)
def test_the_short_ways_lose_nothing_and_find_nothing_else(
    pieces: list[bytes], places: list[int]
) -> None:
    stream = a_frame + b"".join(pieces)
    usual = WireParser()
    expected_events = received(usual, [stream])

    for chunks in (cut(stream, places), [stream[at : at + 1] for at in range(len(stream))]):
        short = WireParser()
        assert received(short, chunks, shortly=True) == expected_events
        assert short.partial == usual.partial
        assert short.garbage_bytes == usual.garbage_bytes
        assert short.offset == usual.offset
    for at in range(len(a_frame), len(stream)):
        short = WireParser()
        assert received(short, [stream[:at], stream[at:]], shortly=True) == expected_events
        assert short.offset == usual.offset
