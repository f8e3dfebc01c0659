import re
from collections.abc import Iterable

import pytest

from headwater.protocol import connection_parser, quirks
from headwater.protocol.connection_parser import WireParser
from headwater.protocol.errors import Fault, ProtocolError
from headwater.protocol.headers import Headers
from headwater.protocol.interleaved import frame_interleaved
from headwater.protocol.message import InterleavedFrames, Request, Response
from headwater.protocol.rtp import cut_run
from headwater.protocol.wire_limits import WireLimits

OPTIONS = b"OPTIONS rtsp://h/p RTSP/1.0\r\nCSeq: 1\r\n\r\n"
BODY = b"$\x00\x00\x04$$\r\n\r\nPLAY"
ANNOUNCE = b"ANNOUNCE rtsp://h/p RTSP/1.0\r\nCSeq: 2\r\nContent-Length: 14\r\n\r\n" + BODY
OK = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n"
RTP = b"\x80" + bytes(11)
RTCP = b"\x80\xc9\x00\x01abcd"
FRAMES = frame_interleaved(0, [RTP, RTP + b"1"]) + frame_interleaved(1, [RTCP])

Event = Request | Response | InterleavedFrames


def events_of(parser: WireParser, *chunks: bytes) -> list[Event | ProtocolError]:
    """Feed the chunks and collect what comes out, errors among it; runs of frames are joined."""
    events: list[Event | ProtocolError] = []
    for chunk in chunks:
        parser.receive_data(chunk)
        while True:
            try:
                event = parser.next_event()
            except ProtocolError as error:
                events.append(error)
                continue
            if event is None:
                break
            last = events[-1] if events else None
            if isinstance(event, InterleavedFrames) and isinstance(last, InterleavedFrames):
                for channel, packets in event.by_channel.items():
                    last.by_channel.setdefault(channel, []).extend(packets)
            else:
                events.append(event)
    return events


def kinds(events: Iterable[object]) -> list[str]:
    return [
        event.method
        if isinstance(event, Request)
        else ("ProtocolError" if isinstance(event, ProtocolError) else type(event).__name__)
        for event in events
    ]


def one_by_one(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def test_requests_responses_and_frames_in_one_chunk() -> None:
    assert events_of(WireParser(), OPTIONS + FRAMES + ANNOUNCE + OK + OPTIONS) == [
        Request("OPTIONS", "rtsp://h/p", Headers([("CSeq", "1")])),
        InterleavedFrames({0: [RTP, RTP + b"1"], 1: [RTCP]}),
        Request(
            "ANNOUNCE",
            "rtsp://h/p",
            Headers([("CSeq", "2"), ("Content-Length", "14")]),
            BODY,
        ),
        Response(200, Headers([("CSeq", "3")]), reason="OK"),
        Request("OPTIONS", "rtsp://h/p", Headers([("CSeq", "1")])),
    ]


def test_cut_at_every_byte() -> None:
    stream = OPTIONS + FRAMES + ANNOUNCE + FRAMES + OK + b"\r\n" + OPTIONS
    whole = events_of(WireParser(), stream)

    for at in range(len(stream) + 1):
        assert events_of(WireParser(), stream[:at], stream[at:]) == whole
    assert events_of(WireParser(), *one_by_one(stream)) == whole


def test_several_reads_before_the_first_event_is_asked_for() -> None:
    for stream in (OPTIONS + FRAMES + OK, FRAMES + ANNOUNCE + FRAMES):
        parser = WireParser()
        for byte in one_by_one(stream):
            parser.receive_data(byte)

        assert events_of(parser, b"") == events_of(WireParser(), stream)


def test_a_cut_frame_is_put_together_without_the_rest_of_the_data() -> None:
    parser = WireParser()

    assert events_of(parser, FRAMES[:8]) == []
    parser.receive_data(FRAMES[8:] + FRAMES[:6])
    parser.receive_data(FRAMES[6:])
    assert parser.offset == 0
    assert events_of(parser, b"") == [
        InterleavedFrames({0: [RTP, RTP + b"1"] * 2, 1: [RTCP, RTCP]})
    ]
    assert not parser.partial


@pytest.mark.parametrize(
    ("data", "by_channel"),
    [
        (b"$\x02\x00\x00", {2: []}),
        (b"$\x02\x00\x00$\x02\x00\x01a", {2: [b"a"]}),
        (b"$\x02\x00\x01a$\x02\x00\x00$\x03\x00\x01b", {2: [b"a"], 3: [b"b"]}),
        (b"$\xff\xff\xff" + bytes(65_535), {255: [bytes(65_535)]}),
        (b"$\x24\x00\x02$$", {36: [b"$$"]}),
    ],
)
def test_frames(data: bytes, by_channel: dict[int, list[bytes]]) -> None:
    assert events_of(WireParser(), data) == [InterleavedFrames(by_channel)]


def test_packets_are_bytes_also_when_the_data_was_a_view() -> None:
    parser = WireParser()
    parser.receive_data(memoryview(FRAMES))  # type: ignore[arg-type]

    event = parser.next_event()

    assert isinstance(event, InterleavedFrames)
    assert all(type(packet) is bytes for packet in event.by_channel[0])


def test_blank_lines_between_messages_mean_nothing() -> None:
    parser = WireParser()

    assert kinds(events_of(parser, b"\r\n\r\n" + OPTIONS + b"\n \t" + OK + b"\r\n")) == [
        "OPTIONS",
        "Response",
    ]
    assert not parser.partial


def test_partial_and_offset_tell_one_unfinished_message_from_the_next() -> None:
    parser = WireParser()
    assert (parser.partial, parser.offset) == (False, 0)

    events_of(parser, OPTIONS[:10])
    assert (parser.partial, parser.offset) == (True, 0)
    events_of(parser, OPTIONS[10:20])
    assert (parser.partial, parser.offset) == (True, 0)
    events_of(parser, OPTIONS[20:] + FRAMES[:7])
    assert (parser.partial, parser.offset) == (True, len(OPTIONS))
    events_of(parser, FRAMES[7:])
    assert (parser.partial, parser.offset) == (False, len(OPTIONS) + len(FRAMES))


@pytest.mark.parametrize(
    ("data", "begins_at"),
    [
        pytest.param(ANNOUNCE, 0, id="head and body"),
        pytest.param(ANNOUNCE.replace(b"RTSP/1", b"RTSP/2"), 0, id="refused, with its body"),
        pytest.param(b"\xff" * 100 + OK, 0, id="garbage"),
        pytest.param(FRAMES[:20], 16, id="the second of two frames"),
    ],
)
def test_what_comes_in_drops_counts_from_its_first_byte(data: bytes, begins_at: int) -> None:
    parser = WireParser()
    events_of(parser, OK)

    offsets = set()
    for byte in one_by_one(data):
        events_of(parser, byte)
        if parser.partial:
            offsets.add(parser.offset - len(OK))

    assert {0, begins_at} <= offsets <= {0, begins_at, 100}
    events_of(parser, FRAMES[20:] if data == FRAMES[:20] else b"")
    assert not parser.partial
    assert parser.offset > len(OK)


@pytest.mark.parametrize(
    ("request_bytes", "status", "cseq"),
    [
        (b"OPTIONS * RTSP/2.0\r\nCSeq: 7\r\n\r\n", 505, 7),
        (b"OPTIONS\r\nCSeq: 7\r\n\r\n", 400, 7),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\nno colon\r\n\r\n", 400, 7),
        (b"OPTIONS * RTSP/1.0\r\nA: \x01\r\nCSeq: 7\r\n\r\n", 400, 7),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: x\r\nno colon\r\n\r\n", 400, None),
        (b"OPTIONS * SIP/2.0\r\nCSeq: 7\r\nContent-Length: 5\r\n\r\n$$$$$", 400, 7),
        (b"PLAY " + b"x" * 60 + b" RTSP/1.0\r\nCSeq: 7\r\n\r\n", 414, 7),
    ],
)
def test_the_connection_survives_a_message_whose_end_is_known(
    request_bytes: bytes, status: int, cseq: int | None
) -> None:
    limits = WireLimits(max_uri_bytes=50)
    for chunks in ([request_bytes + OK], one_by_one(request_bytes + OK)):
        error, after = events_of(WireParser(limits=limits), OPTIONS, *chunks)[1:]

        assert isinstance(error, ProtocolError)
        assert (error.status, error.request_cseq, error.fatal) == (status, cseq, False)
        assert error.fault is Fault.REMOTE
        assert error.offset is not None
        assert error.offset >= len(OPTIONS)
        assert after == Response(200, Headers([("CSeq", "3")]), reason="OK")


def test_the_position_of_an_error_is_that_in_the_stream() -> None:
    stream = OPTIONS + FRAMES + b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\nno colon\r\n\r\n"

    for chunks in ([stream], one_by_one(stream)):
        error = events_of(WireParser(), *chunks)[-1]

        assert isinstance(error, ProtocolError)
        assert error.offset == stream.index(b"no colon")


@pytest.mark.parametrize(
    ("data", "status", "cseq"),
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01", 400, None, id="TLS"),
        pytest.param(b"GET / HTTP/1.1\r\nCSeq: 7\r\n\r\n", 400, 7, id="HTTP"),
        pytest.param(bytes(100), 400, None, id="zeros"),
        pytest.param(b"abc\xff\x00", 400, None, id="binary behind letters"),
        pytest.param(b"x" * 60 + b"\r\n", 400, None, id="no word that ends"),
        pytest.param(b"PLAY " + b"x" * 300, 414, None, id="endless request line"),
        pytest.param(b"PLAY * RTSP/1.0\r\nCSeq: 7\r\nA: " + b"x" * 300, 400, 7, id="endless head"),
        pytest.param(
            b"PLAY * RTSP/1.0\r\nContent-Length: 51\r\nCSeq: 7\r\n\r\n", 413, 7, id="body"
        ),
        pytest.param(
            b"PLAY * RTSP/1.0\r\nContent-Length: 5\r\ncontent-length: 6\r\nCSeq: 7\r\n\r\n",
            400,
            7,
            id="two lengths",
        ),
        pytest.param(
            b"PLAY * RTSP/2.0\r\nContent-Length: 51\r\nCSeq: 7\r\n\r\n", 505, 7, id="version, body"
        ),
    ],
)
def test_what_cannot_be_followed_ends_the_stream(
    data: bytes, status: int, cseq: int | None
) -> None:
    limits = WireLimits(max_header_bytes=256, max_body_bytes=50)
    for chunks in ([data + OK], one_by_one(data + OK)):
        parser = WireParser(limits=limits)
        events = events_of(parser, *chunks)

        assert kinds(events) == ["ProtocolError"]
        error = events[0]
        assert isinstance(error, ProtocolError)
        assert (error.status, error.request_cseq, error.fatal) == (status, cseq, True)
        assert error.offset == 0
        assert not parser.partial
        parser.receive_data(OPTIONS)
        assert parser.next_event() is None


def test_a_limit_holds_to_the_byte() -> None:
    limits = WireLimits(max_header_bytes=len(OPTIONS))

    assert kinds(events_of(WireParser(limits=limits), OPTIONS)) == ["OPTIONS"]
    longer = OPTIONS.replace(b"/p", b"/pp")
    for chunks in ([longer], one_by_one(longer)):
        assert kinds(events_of(WireParser(limits=limits), *chunks)) == ["ProtocolError"]


GARBAGE = [
    pytest.param(b"\x00\x01\x02", id="binary"),
    pytest.param(b"v=0\r\na=control:*\r\n", id="SDP beyond its Content-Length"),
    pytest.param(b"\xff$\x00\xff\xf6\x80" + bytes(30), id="a false frame that seems long"),
    pytest.param(b"\xff$\x00", id="a false frame, cut"),
    pytest.param(b"rubbish \xff\x00 OPTION", id="letters, then binary"),
    pytest.param(b"\x00" * 3000, id="much"),
]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("behind", [OPTIONS, OK, FRAMES + OK])
def test_garbage_is_skipped_once_the_stream_made_sense(garbage: bytes, behind: bytes) -> None:
    stream = FRAMES + OPTIONS + garbage + behind + OK * 3000
    whole = events_of(WireParser(), stream)
    parser = WireParser()

    assert events_of(parser, *(stream[at : at + 7] for at in range(0, len(stream), 7))) == whole
    assert kinds(whole) == [
        "InterleavedFrames",
        "OPTIONS",
        *kinds(events_of(WireParser(), behind + OK * 3000)),
    ]
    assert parser.garbage_bytes == len(garbage)


@pytest.mark.parametrize("agreed", [True, False])
def test_garbage_before_the_first_frame_hides_no_channel_that_was_agreed_on(agreed: bool) -> None:
    channels: dict[int, None] = {}
    parser = WireParser(channels=channels)
    assert kinds(events_of(parser, OK)) == ["Response"]
    if agreed:
        # Agreed upon by the SETUP that was answered, and so later than the parser was made.
        channels |= dict.fromkeys(range(4))

    found = kinds(events_of(parser, b"\xff\x00" + FRAMES + OK))
    assert found == (["InterleavedFrames"] if agreed else []) + ["Response"]


def test_a_frame_cut_short_costs_what_it_swallows_and_no_more() -> None:
    stream = FRAMES + b"$\x09\x00\x20" + bytes(20) + OPTIONS + OK

    for chunks in ([stream], one_by_one(stream)):
        assert kinds(events_of(WireParser(), *chunks)) == [
            "InterleavedFrames",
            "ProtocolError",
            "Response",
        ]


def test_garbage_without_end_ends_the_stream() -> None:
    parser = WireParser(limits=WireLimits(max_garbage_bytes=1000))

    events = events_of(parser, OPTIONS, *[b"\x00" * 100] * 20)

    assert kinds(events) == ["OPTIONS", "ProtocolError"]
    error = events[-1]
    assert isinstance(error, ProtocolError)
    assert (error.status, error.fatal) == (400, True)
    assert parser.garbage_bytes == 1000
    assert error.offset == len(OPTIONS)


def test_what_is_held_stays_within_the_limits() -> None:
    limits = WireLimits(max_header_bytes=500, max_body_bytes=500, max_garbage_bytes=500)
    endless = [
        b"PLAY * RTSP/1.0\r\n" + b"A: b\r\n" * 10_000,
        b"x" * 60_000,
        OPTIONS + b"\x00" * 60_000,
        OPTIONS + b"$" * 60_000,
        b"PLAY * RTSP/1.0\r\nContent-Length: 500\r\n\r\n" + b"\x00" * 60_000,
    ]
    for stream in endless:
        parser = WireParser(limits=limits)
        most_bytes = 0
        for at in range(0, len(stream), 100):
            events_of(parser, stream[at : at + 100])
            held_bytes = len(parser._buffer) - parser._position + len(parser._tail)
            most_bytes = max(most_bytes, held_bytes)
        assert most_bytes <= 65_540


@pytest.mark.parametrize(
    ("stream", "headers", "body"),
    [
        # As libraries with Android's Base64 write it, last or not.
        (
            b"A * RTSP/1.0\r\nAuthorization: Basic abc\n\r\nContent-Length: 2\r\n\r\nhi",
            [("Authorization", "Basic abc"), ("Content-Length", "2")],
            b"hi",
        ),
        (b"A * RTSP/1.0\r\nX: 1\n\r\n\r\n", [("X", "1")], b""),
        (b"A * RTSP/1.0\r\nX: 1\n\r\n\n", [("X", "1")], b""),
        (b"A * RTSP/1.0\r\nX: ab\ncd==\n\r\nY: 2\r\n\r\n", [("X", "ab cd=="), ("Y", "2")], b""),
        # A line with a colon is a header, whatever ends the line before it.
        (
            b"A * RTSP/1.0\r\nX: 1\nContent-Length: 2\r\n\r\nhi",
            [("X", "1"), ("Content-Length", "2")],
            b"hi",
        ),
        (b"A * RTSP/1.0\r\nX: 1\nY: 2\n\n", [("X", "1"), ("Y", "2")], b""),
        # A head of LFs alone is read as ever: LF CR LF ends it.
        (b"A * RTSP/1.0\nX: 1\n\r\n", [("X", "1")], b""),
    ],
)
def test_an_lf_before_cr_lf_ends_no_line_of_its_own(
    stream: bytes, headers: list[tuple[str, str]], body: bytes
) -> None:
    follower = b"OPTIONS * RTSP/1.0\r\n\r\n"
    for cut in range(len(stream + follower)):
        parts = (stream + follower)[:cut], (stream + follower)[cut:]
        first, second = events_of(WireParser(), *parts)
        assert isinstance(first, Request)
        assert (first.headers.items(), first.body) == (headers, body)
        assert isinstance(second, Request)
        assert second.method == "OPTIONS"


@pytest.mark.parametrize(
    "stream",
    [
        b"A * RTSP/1.0\r\nX: 1\r\nno colon\r\n\r\n",
        b"A * RTSP/1.0\r\nno colon\r\n\r\n",
        b"A * RTSP/1.0\nX: 1\nno colon\n\n",
        b"A * RTSP/1.0\r\nContent-Length: 2\n3\r\n\r\nhi",
    ],
)
def test_a_line_without_a_colon_is_refused_elsewhere(stream: bytes) -> None:
    assert kinds(events_of(WireParser(), stream)) == ["ProtocolError"]


class CountingPattern:
    """A pattern that counts how many bytes it was asked to look at."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self.pattern = pattern
        self.scanned_bytes = 0

    def search(self, data: bytes, start: int = 0, end: int = 2**62) -> re.Match[bytes] | None:
        self.scanned_bytes += min(end, len(data)) - start
        return self.pattern.search(data, start, end)


@pytest.mark.parametrize(
    "stream",
    [
        b"PLAY " + b"x" * 20_000 + b" RTSP/1.0\r\n\r\n",
        b"PLAY * RTSP/1.0\r\n" + b"A: bcd\r\n" * 3000 + b"\r\n",
        b"PLAY * RTSP/1.0\r\nA: " + b"x" * 20_000 + b"\r\n\r\n",
        b"PLAY * RTSP/1.0\n" + b"A: bcd\n" * 3000 + b"\n",
    ],
)
def test_a_head_that_comes_byte_by_byte_is_looked_through_once(
    stream: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = CountingPattern(connection_parser._FIRST_LINE_STOP)
    crlf_end = CountingPattern(quirks.END_OF_CRLF_HEAD)
    lf_end = CountingPattern(connection_parser._END_OF_LF_HEAD)
    monkeypatch.setattr(connection_parser, "_FIRST_LINE_STOP", line)
    monkeypatch.setattr(connection_parser, "END_OF_CRLF_HEAD", crlf_end)
    monkeypatch.setattr(connection_parser, "_END_OF_LF_HEAD", lf_end)
    limits = WireLimits(max_header_bytes=30_000, max_uri_bytes=30_000, max_header_count=5000)

    events = events_of(WireParser(limits=limits), *one_by_one(stream))

    assert kinds(events) == ["PLAY"]
    scanned_bytes = line.scanned_bytes + crlf_end.scanned_bytes + lf_end.scanned_bytes
    assert scanned_bytes <= 6 * len(stream)


def test_a_read_that_is_one_request_is_taken_in_one_step() -> None:
    parser = WireParser()
    for _ in range(3):
        request = parser.whole_request(OPTIONS)
        assert request is not None
        assert (request.method, request.cseq) == ("OPTIONS", 1)
        assert (parser.next_event(), parser.partial) == (None, False)
    assert parser.offset == 3 * len(OPTIONS)
    # The bytes behind it are searched for their next step, since the stream made sense.
    assert events_of(parser, b"\x00\x01" + OPTIONS)[-1] == request


@pytest.mark.parametrize(
    ("before", "data"),
    [
        (b"", OPTIONS * 2),
        (b"", OPTIONS[:-1]),
        (b"", ANNOUNCE),
        (b"", OK),
        (b"", FRAMES),
        (OPTIONS[:9], OPTIONS[9:]),
        (FRAMES[:3], FRAMES[3:]),
        (ANNOUNCE[:-3], ANNOUNCE[-3:]),
        (b"\x16\x03\x01", OPTIONS),
    ],
)
def test_anything_else_is_left_to_be_received(before: bytes, data: bytes) -> None:
    parser, other = WireParser(), WireParser()
    texts = [str(event) for event in events_of(parser, before)]
    assert parser.whole_request(data) is None
    texts += [str(event) for event in events_of(parser, data)]
    assert texts == [str(event) for event in events_of(other, before, data)]
    assert parser.offset == other.offset


def test_parser_rests_as_soon_as_the_last_plain_request_was_returned() -> None:
    parser = WireParser()
    for chunks in ([OPTIONS], [OPTIONS + OPTIONS], [OPTIONS[:9], OPTIONS[9:]], [FRAMES + OPTIONS]):
        for chunk in chunks:
            parser.receive_data(chunk)
        rested = []
        while event := parser.next_event():
            rested.append(parser.at_rest)
        assert rested == [False] * (len(rested) - 1) + [True], chunks
        assert not parser.partial
        assert parser.unread == b""
        assert event is None
    assert parser.offset == len(OPTIONS) * 5 + len(FRAMES)
    parser.receive_data(OPTIONS + OPTIONS[:9])
    assert parser.next_event() is not None
    assert not parser.at_rest
    assert parser.unread == OPTIONS[:9]


def test_a_whole_request_behind_others_is_taken_in_one_step_again() -> None:
    parser = WireParser()
    events_of(parser, OPTIONS, ANNOUNCE)
    assert parser.whole_request(OPTIONS) is not None
    assert parser.offset == 2 * len(OPTIONS) + len(ANNOUNCE)


def test_garbage_without_end_ends_the_stream_however_it_is_cut() -> None:
    parser = WireParser()
    events_of(parser, OPTIONS)
    chunk = b"\x00" * 64
    errors: list[object] = []
    for _ in range(2 * parser._limits.max_garbage_bytes // len(chunk)):
        assert parser.whole_request(chunk) is None
        errors += events_of(parser, chunk)
    (error,) = errors
    assert isinstance(error, ProtocolError)
    assert error.fatal


def test_where_frames_come_reads_are_not_looked_at_twice() -> None:
    parser = WireParser()
    events_of(parser, FRAMES)
    assert parser.whole_request(OPTIONS) is None


def packets_of(parser: WireParser, chunks: Iterable[bytes], *, as_runs: bool) -> list[bytes]:
    """What comes out where the frames that a chunk begins with are taken first."""
    packets: list[bytes] = []
    for chunk in chunks:
        run = parser.whole_run(chunk) if as_runs else None
        if run is not None:
            packets += cut_run(*run)
            continue
        led = parser.leading_frames(chunk)
        if led is None:
            parser.receive_data(chunk)
        else:
            packets += led[1]
            if parser.at_rest:
                continue
        while event := parser.next_event():
            assert isinstance(event, InterleavedFrames)
            packets += [packet for found in event.by_channel.values() for packet in found]
    return packets


def test_frames_of_a_known_channel_are_taken_in_one_step() -> None:
    parser, packets = WireParser(), [RTP, RTP, RTP + b"1"]
    data = frame_interleaved(0, packets)
    assert parser.leading_frames(data) is None
    assert events_of(parser, data) == [InterleavedFrames({0: packets})]
    for _ in range(2):
        assert parser.leading_frames(data) == (0, packets)
        assert parser.at_rest
        assert not parser.partial
    assert parser.offset == 3 * len(data)
    assert kinds(events_of(parser, OPTIONS)) == ["OPTIONS"]
    assert parser.leading_frames(data) == (0, packets)


@pytest.mark.parametrize("as_runs", [False, True])
def test_leading_frames_lose_nothing_wherever_the_stream_is_cut(as_runs: bool) -> None:
    packets = [RTP, RTP, RTP[:-1], RTP + b"22"]
    stream = frame_interleaved(0, packets)
    for cut in range(len(stream) + 1):
        for next_cut in range(cut, len(stream) + 1):
            parser = WireParser()
            events_of(parser, stream)
            chunks = (stream[:cut], stream[cut:next_cut], stream[next_cut:])
            came = packets_of(parser, filter(None, chunks), as_runs=as_runs)
            assert came == packets, (cut, next_cut)
            assert not parser.partial
            assert parser.offset == 2 * len(stream)


@pytest.mark.parametrize(
    "data",
    [
        frame_interleaved(0, [RTP]) + frame_interleaved(1, [RTCP]),
        frame_interleaved(0, [RTP]) + OPTIONS,
        frame_interleaved(0, [RTP, b"", RTP]),
        frame_interleaved(7, [RTP]),
        frame_interleaved(0, [RTP])[:-1],
        b"$",
    ],
    ids=["two channels", "a request", "an empty one", "an unknown channel", "a cut one", "a byte"],
)
def test_what_is_not_frames_of_one_known_channel_is_left_alone(data: bytes) -> None:
    parser, usual = WireParser(), WireParser()
    for each in (parser, usual):
        events_of(each, FRAMES)
    assert parser.whole_run(data) is None
    assert parser.leading_frames(data) is None
    assert events_of(parser, data) == events_of(usual, data)
    assert parser.offset == usual.offset


def test_frames_behind_something_unfinished_are_not_taken_in_one_step() -> None:
    parser, frame = WireParser(), frame_interleaved(0, [RTP])
    events_of(parser, frame, frame[:6])
    assert parser.whole_run(frame) is None
    assert parser.leading_frames(frame) is None
    assert events_of(parser, frame[6:]) == [InterleavedFrames({0: [RTP]})]
    assert parser.leading_frames(frame) == (0, [RTP])
