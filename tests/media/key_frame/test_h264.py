import pytest

from headwater.media.key_frame.h264 import H264KeyFrames

SPS, PPS, AUD = b"\x67\xf4\x00\x0d", b"\x68\xeb\xcc", b"\x09\x10"
IDR, IDR_NEXT_SLICE = b"\x65\x88\x84", b"\x65\x11\x22"
SLICE, SLICE_NEXT = b"\x41\x9a\x24", b"\x01\x21\x33"
PARTITION_A = b"\x02\x9a\x24"
SEI_USER, SEI_RECOVERY = b"\x06\x05\x02abc\x80", b"\x06\x06\x01\xc4\x80"
SEI_TIMING_THEN_RECOVERY = b"\x06\x01\x02ab\x06\x01\xc4\x80"
SEI_LONG, SEI_LONG_TYPE = b"\x06\x05\xff\x10abc", b"\x06\xff\x01\x06\x01\xc4"
IDR_FU_START, IDR_FU_MIDDLE, IDR_FU_END = b"\x7c\x85\x88\x84", b"\x7c\x05\x99", b"\x7c\x45\x99"
IDR_FU_NEXT_SLICE = b"\x7c\x85\x11\x22"
SLICE_FU_START = b"\x5c\x81\x9a\x24"


def rtp(payload: bytes, timestamp: int = 1, first: int = 0x80) -> bytes:
    return bytes([first, 96, 0, 0]) + timestamp.to_bytes(4, "big") + b"ssrc" + payload


def stap(*units: bytes) -> bytes:
    return b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


def find(*payloads: bytes) -> int:
    return H264KeyFrames().find([rtp(payload) for payload in payloads])


@pytest.mark.parametrize(
    ("payloads", "index"),
    [
        ([IDR], 0),
        ([SLICE, IDR], 1),
        ([IDR_FU_START, IDR_FU_MIDDLE, IDR_FU_END], 0),
        ([SPS, PPS, IDR], 0),
        ([AUD, SPS, PPS, SEI_USER, IDR_FU_START], 1),
        ([SLICE, PPS, IDR], 1),
        ([stap(SPS, PPS), IDR_FU_START], 0),
        ([stap(AUD, SPS, PPS, SEI_USER, IDR)], 0),
        ([SLICE, stap(AUD, SPS, PPS), SEI_USER, IDR], 1),
        ([SEI_RECOVERY, SLICE], 0),
        ([SEI_TIMING_THEN_RECOVERY, SLICE], 0),
        ([stap(SPS, PPS, SEI_RECOVERY), SLICE_FU_START], 0),
        ([SPS, PPS, SEI_RECOVERY, SLICE], 0),
        ([SPS, PPS], 0),
        ([SLICE, SPS], 1),
        ([PPS], -1),
        ([SLICE], -1),
        ([SPS, PPS, SLICE], -1),
        ([SPS, PPS, SLICE_FU_START, IDR_FU_MIDDLE], -1),
        ([SPS, PPS, PARTITION_A], -1),
        ([stap(SPS, PPS, SLICE)], -1),
        ([stap(SLICE, SLICE_NEXT)], -1),
        ([IDR_FU_MIDDLE, IDR_FU_END], -1),
        ([IDR_NEXT_SLICE], -1),
        ([IDR_FU_NEXT_SLICE], -1),
        ([stap(IDR_NEXT_SLICE)], -1),
        ([AUD, SEI_USER, SEI_LONG, SEI_LONG_TYPE], -1),
        ([b"\x7a\x00\x01\x02"], -1),
    ],
)
def test_where_a_key_frame_begins(payloads: list[bytes], index: int | None) -> None:
    assert find(*payloads) == index


def test_each_key_frame_is_told_of_once_packet_by_packet() -> None:
    detector = H264KeyFrames()
    units = [
        (1, [SPS, PPS, SEI_USER, IDR_FU_START, IDR_FU_MIDDLE, IDR_NEXT_SLICE], 0),
        (2, [AUD, SLICE, SLICE_NEXT], None),
        # GStreamer's rtph264pay puts parameter sets in front of each IDR slice.
        (3, [AUD, SPS, PPS, SPS, PPS, IDR, SPS, PPS, IDR_NEXT_SLICE], 1),
        (4, [SLICE_FU_START], None),
        (5, [IDR, IDR_NEXT_SLICE], 0),
        (6, [IDR, IDR_NEXT_SLICE], 0),
        (7, [stap(SPS, PPS, SEI_RECOVERY), SLICE], 0),
        (8, [SEI_RECOVERY, SLICE], 0),
        (9, [SEI_RECOVERY, IDR, IDR_NEXT_SLICE], 0),
        (10, [IDR], 0),
        (11, [SLICE], None),
    ]
    for timestamp, payloads, start in units:
        told = [detector.starts(rtp(payload, timestamp)) for payload in payloads]
        assert told == [index == start for index in range(len(payloads))]


def test_parameter_sets_at_the_end_of_a_batch() -> None:
    detector = H264KeyFrames()
    assert detector.find([rtp(SLICE, 1), rtp(SPS, 2), rtp(PPS, 2)]) == 1
    assert detector.find([rtp(IDR_FU_START, 2), rtp(SLICE, 3)]) == -1
    assert detector.find([rtp(IDR, 4)]) == 0


def test_picture_parameters_alone_at_the_end_of_a_batch_wait_for_the_slice() -> None:
    detector = H264KeyFrames()
    assert detector.find([rtp(SLICE, 1), rtp(PPS, 2)]) == -1
    assert detector.find([rtp(IDR, 2)]) == 0


def test_parameter_sets_with_a_timestamp_of_their_own() -> None:
    detector = H264KeyFrames()
    assert detector.find([rtp(SPS, 1), rtp(PPS, 1), rtp(IDR, 2)]) == 0


def test_a_second_key_frame_in_one_batch_is_not_told_of_later() -> None:
    detector = H264KeyFrames()
    assert detector.find([rtp(IDR, 1), rtp(SPS, 2), rtp(PPS, 2)]) == 0
    assert detector.find([rtp(IDR, 2)]) == -1
    assert detector.find([rtp(IDR, 3)]) == 0


def test_behind_contributing_sources_and_an_extension() -> None:
    assert H264KeyFrames().starts(rtp(b"csrc" + IDR, first=0x81))
    assert H264KeyFrames().starts(rtp(b"\xbe\xde\x00\x01abcd" + IDR, first=0x90))


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x7c", b"\x7c\x85", b"\x65", b"\x78", b"\x78\x00", b"\x78\x00\x02\x65", b"\x06"],
)
def test_packets_cut_short_begin_nothing(payload: bytes) -> None:
    assert find(payload, SLICE) == -1
    assert find(payload, IDR) == 1
