"""AAC packets as RFC 3640 has them, and as cameras do it."""

from __future__ import annotations

import pytest
from rtp_units import fed, rtp

from headwater.codecs.aac.config import AacConfig
from headwater.codecs.aac.depacketizer import AacDepacketizer
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.quirks import Repair

HBR = {"mode": "AAC-hbr", "sizelength": "13", "indexlength": "3", "indexdeltalength": "3"}
LC_48000_MONO = bytes.fromhex("1188")
FRAMES = [b"first" * 9, b"second" * 5, b"third" * 20]


def packed(*frames: bytes, sizes: list[int] | None = None, more_bits: int = 3) -> bytes:
    """A payload with an AU header of 13 bits of size and so many of index for each frame."""
    bits = 13 + more_bits
    value = 0
    for size in sizes or [len(frame) for frame in frames]:
        value = value << bits | size << more_bits
    length = bits * len(frames)
    padding = -length % 8
    headers = (value << padding).to_bytes((length + padding) // 8, "big")
    return length.to_bytes(2, "big") + headers + b"".join(frames)


def taker(parameters: dict[str, str] = HBR, config: bytes = LC_48000_MONO) -> AacDepacketizer:
    return AacDepacketizer({**parameters, "config": config.hex()}, clock_rate_hz=48_000, channels=1)


def frames_of(units: list[AccessUnit]) -> list[bytes]:
    return [unit.units[0] for unit in units]


def adts(frame: bytes, *, crc: bool = False) -> bytes:
    size = len(frame) + (9 if crc else 7)
    head = bytes((0xFF, 0xF0 if crc else 0xF1, 0x4C, 0x40 | size >> 11, size >> 3 & 0xFF))
    return head + bytes((size << 5 & 0xE0 | 0x1F, 0xFC)) + b"cc" * crc + frame


def test_frames_of_one_packet_are_a_duration_apart() -> None:
    units = fed(taker(), [rtp(packed(*FRAMES), 1, 0xFFFFFC00, marker=True)])
    assert frames_of(units) == FRAMES
    assert [unit.timestamp for unit in units] == [0xFFFFFC00, 0, 1_024]
    assert {unit.duration for unit in units} == {1_024}


def test_a_frame_of_several_packets() -> None:
    frame = bytes(range(200)) * 5
    parts = [frame[at : at + 300] for at in range(0, len(frame), 300)]
    packets = [
        rtp(packed(part, sizes=[len(frame)]), index, 7, marker=index == len(parts) - 1)
        for index, part in enumerate(parts)
    ]
    assert frames_of(fed(taker(), packets)) == [frame]
    for lost in range(len(packets)):
        one = taker()
        behind = [rtp(packed(FRAMES[0]), len(packets), 900, marker=True)]
        assert frames_of(fed(one, packets[:lost] + packets[lost + 1 :] + behind)) == [FRAMES[0]]


@pytest.mark.parametrize(
    ("parameters", "payload", "repair"),
    [
        # RFC 3640 §3.2.1: a length that is not told is 0.
        ({"mode": "AAC-hbr", "sizelength": "13"}, packed(*FRAMES, more_bits=0), None),
        ({"sizelength": "13"}, packed(*FRAMES), Repair.UNTOLD_INDEX),
        ({"mode": "AAC-hbr"}, packed(*FRAMES), None),
    ],
)
def test_au_headers_that_the_description_does_not_tell(
    parameters: dict[str, str], payload: bytes, repair: Repair | None
) -> None:
    one = taker(parameters)
    assert frames_of(fed(one, [rtp(payload, 1)])) == FRAMES
    assert set(one.repairs) == ({repair} if repair else set())


def test_without_au_headers_a_payload_is_a_frame() -> None:
    assert frames_of(fed(taker({}), [rtp(FRAMES[0], 1)])) == [FRAMES[0]]


@pytest.mark.parametrize("crc", [False, True])
def test_frames_in_adts_are_taken_out_and_tell_what_the_description_does_not(crc: bool) -> None:
    one = AacDepacketizer(HBR, clock_rate_hz=48_000, channels=9)
    assert one.config is None
    units = fed(one, [rtp(packed(*(adts(frame, crc=crc) for frame in FRAMES)), 1)])
    assert frames_of(units) == FRAMES
    assert one.repairs[Repair.FRAME_IN_ADTS] == 3
    assert fed(one, [rtp(packed(b"\xff\xf1 no header of ADTS"), 2)])[0].units[0][0] == 0xFF
    config: AacConfig | None = one.config
    assert config is not None
    assert (config.sample_rate_hz, config.channels) == (48_000, 1)


def test_a_track_without_config_is_aac_lc_of_its_rate_and_channels() -> None:
    for config in ("", "zz", "f8"):
        one = AacDepacketizer({**HBR, "config": config}, clock_rate_hz=44_100, channels=2)
        assert one.config == AacConfig(bytes.fromhex("1210"), 2, 44_100, 2, 1_024)


@pytest.mark.parametrize(
    "payload", [b"\0", b"\0\x10\0", b"\xff\xff\0\0", packed(*FRAMES)[:-1], packed(*FRAMES)[:-150]]
)
def test_what_is_no_payload_is_counted(payload: bytes) -> None:
    one = taker()
    assert len(fed(one, [rtp(payload, 1)])) < 3
    assert one.counters.broken_packets == 1


def test_a_packet_of_more_headers_than_any_has_is_refused_before_they_are_read() -> None:
    one = taker({"mode": "AAC-lbr", "sizelength": "1"})
    assert len(fed(one, [rtp(b"\0\x40" + b"\xff" * 8 + b"x" * 64, 1)])) == 64
    # 8 KiB of headers of one bit.
    assert fed(one, [rtp(b"\xff\xf8" + b"\xff" * 60_000, 2)]) == []
    assert one.counters.broken_packets == 1
