"""AAC in LATM, with the configuration in band and in the SDP."""

from __future__ import annotations

from typing import Protocol

import pytest
from bit_text import packed
from rtp_units import fed, rtp

from headwater.codecs.aac.latm import LatmDepacketizer
from headwater.codecs.bits import BitWriter

FRAMES = [b"frame" * 3, b"more" * 90, b"\xff" * 255]
FRAMES_AT = list(enumerate(FRAMES))


def mux(bits: BitWriter, *, frames: int = 1, other_bits: int = 0) -> None:
    """A StreamMuxConfig of version 0: AAC-LC, 48 kHz, two channels."""
    bits.bits(0b0_1, 2)
    bits.bits(frames - 1, 6)
    bits.bits(0, 4 + 3)
    bits.bits(0x1190, 16)
    bits.bits(0, 3)
    bits.bits(0xFF, 8)
    bits.bits(other_bits > 0, 1)
    if other_bits:
        bits.bits(other_bits, 9)
    bits.bits(0, 1)


def mux_of_version_1(bits: BitWriter, *, frames: int = 1, other_bits: int = 0) -> None:
    """A StreamMuxConfig of version 1, which tells lengths; AAC-LC, 48 kHz, a checksum."""
    bits.bits(0b1_0, 2)
    value(bits, 0x1_02)
    bits.bits(1, 1)
    bits.bits(frames - 1, 6)
    bits.bits(0, 4 + 3)
    value(bits, 16 + 3)
    bits.bits(0x1190, 16)
    bits.bits(0b101, 3)
    bits.bits(0, 3)
    bits.bits(0xFF, 8)
    bits.bits(other_bits > 0, 1)
    if other_bits:
        value(bits, other_bits)
    bits.bits(1, 1)
    bits.bits(0x5A, 8)


def value(bits: BitWriter, number: int) -> None:
    """A LatmGetValue of two bytes."""
    bits.bits(1, 2)
    bits.bits(number, 16)


class WriteMux(Protocol):
    """Writes a StreamMuxConfig."""

    def __call__(self, bits: BitWriter, *, frames: int, other_bits: int) -> None: ...


def put(bits: BitWriter, frame: bytes) -> None:
    size = len(frame)
    while size >= 255:
        bits.bits(255, 8)
        size -= 255
    bits.bits(size, 8)
    bits.bits(int.from_bytes(frame, "big"), 8 * len(frame))


def element(
    *frames: bytes, configured: bool | None = None, other_bits: int = 0, write_mux: WriteMux = mux
) -> bytes:
    """An audioMuxElement; `configured`: its configuration is in it (None: in the SDP)."""
    bits = BitWriter()
    if configured is not None:
        bits.bits(not configured, 1)
    if configured:
        write_mux(bits, frames=len(frames), other_bits=other_bits)
    for frame in frames:
        put(bits, frame)
    bits.bits(0, other_bits)
    return bits.content()


def configuration(frames: int = 1) -> str:
    bits = BitWriter()
    mux(bits, frames=frames)
    return bits.content().hex()


def in_sdp(frames: int = 1) -> LatmDepacketizer:
    return LatmDepacketizer(
        {"cpresent": "0", "config": configuration(frames)}, clock_rate_hz=48_000
    )


def test_configuration_in_the_description() -> None:
    taker = in_sdp()
    assert taker.config is not None
    assert (taker.config.sample_rate_hz, taker.config.specific) == (48_000, b"\x11\x90")
    units = fed(
        taker,
        [rtp(element(frame), at, 1_024 * at, marker=True) for at, frame in enumerate(FRAMES)],
    )
    assert [unit.units[0] for unit in units] == FRAMES
    assert [unit.timestamp for unit in units] == [0, 1_024, 2_048]


def test_several_frames_in_an_element_and_several_elements_in_a_packet() -> None:
    (packet,) = [rtp(element(*FRAMES[:2]) + element(*FRAMES[1:]), 1, 5, marker=True)]
    units = fed(in_sdp(2), [packet])
    assert [unit.units[0] for unit in units] == [*FRAMES[:2], *FRAMES[1:]]
    assert [unit.timestamp for unit in units] == [5, 1_029, 2_053, 3_077]


@pytest.mark.parametrize("other_bits", [0, 5])
@pytest.mark.parametrize("write_mux", [mux, mux_of_version_1], ids=["version 0", "version 1"])
def test_configuration_in_band(other_bits: int, write_mux: WriteMux) -> None:
    taker = LatmDepacketizer({}, clock_rate_hz=48_000)
    packets = [
        rtp(element(FRAMES[0], configured=False), 1, 1, marker=True),
        rtp(
            element(FRAMES[1], configured=True, other_bits=other_bits, write_mux=write_mux),
            *(2, 2),
            marker=True,
        ),
        rtp(element(FRAMES[2], configured=False, other_bits=other_bits), 3, 3, marker=True),
    ]
    units = fed(taker, packets)
    assert [unit.units[0] for unit in units] == FRAMES[1:]
    assert taker.counters.dropped_access_units == 1
    assert taker.config is not None


def test_an_element_of_several_packets() -> None:
    whole = element(FRAMES[1])
    for cut in range(1, len(whole)):
        packets = [rtp(whole[:cut], 1, 9), rtp(whole[cut:], 2, 9, marker=True)]
        assert [unit.units[0] for unit in fed(in_sdp(), packets)] == [FRAMES[1]]
    taker = in_sdp()
    packets = [rtp(whole[:50], 1, 9), rtp(element(FRAMES[0]), 3, 99, marker=True)]
    assert [unit.units[0] for unit in fed(taker, packets)] == [FRAMES[0]]


def test_what_is_no_element_is_counted() -> None:
    taker = in_sdp()
    assert fed(taker, [rtp(element(FRAMES[0])[:-1], 1, marker=True)]) == []
    assert taker.counters.broken_packets == 1
    taker = LatmDepacketizer({}, clock_rate_hz=48_000)
    # Version 1 of the multiplex with its part A.
    assert fed(taker, [rtp(b"\x60" + bytes(20), 1, marker=True)]) == []
    assert taker.counters.broken_packets == 1


def test_a_configuration_that_is_told_again_changes_nothing() -> None:
    taker = LatmDepacketizer({}, clock_rate_hz=48_000)
    told = [rtp(element(frame, configured=True), at, at, marker=True) for at, frame in FRAMES_AT]
    fed(taker, told[:1])
    first = taker.config
    assert [unit.units[0] for unit in fed(taker, told[1:])] == FRAMES[1:]
    assert taker.config is first


def test_a_place_without_bytes_holds_no_frame() -> None:
    taker = in_sdp(2)
    (unit,) = fed(taker, [rtp(element(b"", FRAMES[0]), 1, 5, marker=True)])
    assert unit.units[0] == FRAMES[0]
    assert taker.counters.broken_packets == 0


def test_an_element_without_an_end_is_kept_to_its_bound() -> None:
    taker = in_sdp()
    packets = [rtp(b"\xff" * 1_400, number, 9) for number in range(60)]
    assert fed(taker, [*packets, rtp(element(FRAMES[0]), 60, 99, marker=True)])[0].units == (
        FRAMES[0],
    )
    assert taker.counters.broken_packets == 1


@pytest.mark.parametrize(
    "bits",
    [
        "00" + "000000" + "0000" + "000",  # programs with framings of their own
        "01" + "000000" + "0001" + "000",  # two programs
        "01" + "000000" + "0000" + "001",  # two layers
        "01" + "000000" + "0000" + "000" + f"{0x1190:016b}" + "001",  # frames of a fixed length
    ],
)
def test_a_multiplex_that_nobody_sends_is_refused(bits: str) -> None:
    taker = LatmDepacketizer({}, clock_rate_hz=48_000)
    content = packed("0" + bits + "0" * 200)
    assert fed(taker, [rtp(content, 1, marker=True)]) == []
    assert (taker.config, taker.counters.broken_packets) == (None, 1)


def test_a_sender_that_sets_no_markers_gives_an_element_when_the_next_begins() -> None:
    whole = element(FRAMES[1])
    packets = [rtp(whole[:50], 1, 9), rtp(whole[50:], 2, 9), rtp(element(FRAMES[0]), 3, 99)]
    taker = in_sdp()
    assert [len(taker.feed(packet)) for packet in packets] == [0, 0, 1]
    assert [unit.units[0] for unit in taker.flush()] == [FRAMES[0]]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_what_comes_behind_a_missing_packet_of_an_element_is_no_frame(lost: int) -> None:
    # The second frame's bytes look like elements of their own.
    whole = element(b"\x01x" * 200)
    parts = [whole[at : at + 101] for at in range(0, 404, 101)]
    packets = [rtp(part, at, 9, marker=at == 3) for at, part in enumerate(parts)]
    taker = in_sdp()
    first = rtp(element(FRAMES[0]), -1, 1, marker=True)
    units = fed(taker, [first, *packets[:lost], *packets[lost + 1 :]])
    given = [unit.units[0] for unit in units]
    assert given[0] == FRAMES[0]
    # Where the first is missing, nothing tells that those behind it are of an element before.
    assert given[1:] == [] or lost == 0


def test_a_program_config_element_in_the_multiplex_is_refused() -> None:
    bits = BitWriter()
    bits.bits(0b0_1, 2)
    bits.bits(0, 6 + 4 + 3)
    bits.bits(0x1180, 16)
    bits.bits(0, 80)
    text = bits.content().hex()
    assert LatmDepacketizer({"config": text}, clock_rate_hz=48_000).config is None
