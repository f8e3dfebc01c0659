import pytest

from headwater.media.key_frame.h265 import H265KeyFrames

VPS, SPS, PPS = b"\x40\x01\x0c", b"\x42\x01\x01", b"\x44\x01\xc0"
IDR, IDR_NEXT = b"\x28\x01\xac\x10", b"\x28\x01\x2c\x10"
CRA, BLA = b"\x2a\x01\xac", b"\x20\x01\xac"
TRAIL, SEI, DELIMITER = b"\x02\x01\xd0", b"\x4e\x01\x05", b"\x46\x01\x50"
IDR_FU_START, IDR_FU_MIDDLE, IDR_FU_END = b"\x62\x01\x94\xac", b"\x62\x01\x14\xac", b"\x62\x01\x54"
IDR_FU_NEXT, TRAIL_FU_START = b"\x62\x01\x94\x2c", b"\x62\x01\x81\xd0"
SEI_FU_START = b"\x62\x01\xa7\x05"


def rtp(payload: bytes, timestamp: int = 1, first: int = 0x80) -> bytes:
    return bytes([first, 96, 0, 0]) + timestamp.to_bytes(4, "big") + b"ssrc" + payload


def aggregate(*units: bytes) -> bytes:
    return b"\x60\x01" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


@pytest.mark.parametrize(
    ("payloads", "index"),
    [
        ([IDR], 0),
        ([CRA], 0),
        ([BLA], 0),
        ([VPS, SPS, PPS, IDR], 0),
        ([DELIMITER, VPS, SPS, PPS, SEI, IDR_FU_START], 1),
        ([TRAIL, IDR_FU_START, IDR_FU_MIDDLE, IDR_FU_END], 1),
        ([aggregate(VPS, SPS, PPS), SEI_FU_START, IDR_FU_START], 0),
        ([aggregate(VPS, SPS, PPS, SEI, IDR)], 0),
        ([aggregate(VPS, SPS, PPS)], 0),
        ([TRAIL], -1),
        ([TRAIL_FU_START], -1),
        ([VPS, SPS, PPS, TRAIL], -1),
        ([aggregate(VPS, SPS, PPS, TRAIL)], -1),
        ([aggregate(IDR_NEXT, SEI)], -1),
        ([IDR_NEXT], -1),
        ([IDR_FU_NEXT], -1),
        ([IDR_FU_MIDDLE, IDR_FU_END, SEI], -1),
    ],
)
def test_where_a_key_frame_begins(payloads: list[bytes], index: int | None) -> None:
    assert H265KeyFrames().find([rtp(payload) for payload in payloads]) == index


def test_each_key_frame_is_told_of_once_packet_by_packet() -> None:
    detector = H265KeyFrames()
    units = [
        (1, [VPS, SPS, PPS, SEI, IDR_FU_START, IDR_FU_MIDDLE, IDR_NEXT], 0),
        (2, [TRAIL], None),
        (3, [aggregate(VPS, SPS, PPS), IDR, VPS, SPS, PPS, IDR_NEXT], 0),
        (4, [CRA], 0),
        (5, [TRAIL_FU_START], None),
    ]
    for timestamp, payloads, start in units:
        told = [detector.starts(rtp(payload, timestamp)) for payload in payloads]
        assert told == [index == start for index in range(len(payloads))]


def test_behind_an_extension() -> None:
    assert H265KeyFrames().starts(rtp(b"\xbe\xde\x00\x01abcd" + IDR, first=0x90))


@pytest.mark.parametrize(
    "payload", [b"", b"\x28", b"\x62\x01", b"\x62\x01\x94", b"\x60\x01\x00\x04\x28\x01"]
)
def test_packets_cut_short_begin_nothing(payload: bytes) -> None:
    assert H265KeyFrames().find([rtp(payload), rtp(IDR)]) == 1
