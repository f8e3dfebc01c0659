"""What a packet costs in a depacketizer, and a picture in a packetizer, counted.

One depacketizer runs for each mount that somebody watches in a browser; 200 mounts of 4 Mb/s are
80,000 packets a second.
"""

from __future__ import annotations

import gc

import pytest
from meter import CallMeter, opcodes

from headwater.codecs.aac.latm import LatmDepacketizer
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.frame_times import LineStart
from headwater.codecs.h264.depacketizer import H264Depacketizer
from headwater.codecs.h264.payloads import h264_payloads
from headwater.codecs.h265.depacketizer import H265Depacketizer
from headwater.codecs.h265.payloads import h265_payloads
from headwater.codecs.mp4.fragments import FragmentWriter
from headwater.codecs.mp4.track import Mp4Track
from headwater.codecs.packet_order import PacketOrder
from headwater.codecs.packetizer import Packetizer

FRAGMENTS = 60
NAL = [
    pytest.param(H264Depacketizer, h264_payloads, b"\x41\x9a", id="H.264"),
    pytest.param(H265Depacketizer, h265_payloads, b"\x02\x01\xd0", id="H.265"),
]


def picture(head: bytes, fragments: int) -> AccessUnit:
    return AccessUnit(900, (head + b"\x55" * (1_180 * fragments),))


@pytest.mark.parametrize(("build", "payloads", "head"), NAL)
def test_a_fragment_takes_two_calls(
    build: type[H264Depacketizer | H265Depacketizer], payloads: object, head: bytes
) -> None:
    assert callable(payloads)
    taker = build(keeps_damaged=True)
    packets = Packetizer(payloads, payload_type=96, ssrc=1).packets(picture(head, FRAGMENTS))
    for packet in packets[:2]:
        taker.feed(packet)
    middle = packets[2:-1]
    with CallMeter() as meter:
        for packet in middle:
            taker.feed(packet)
    assert meter.python_calls == 2 * len(middle)
    # Only the lengths of packet and fragment are asked for.
    assert meter.c == {"len": 2 * len(middle)}
    (unit,) = taker.feed(packets[-1])
    assert unit.units == picture(head, FRAGMENTS).units
    taken = iter(middle)
    taker.feed(packets[0])
    # 66 in CPython 3.11.
    assert opcodes(lambda: taker.feed(next(taken))) <= 90


@pytest.mark.parametrize(("build", "payloads", "head"), NAL)
def test_a_picture_is_packetized_in_the_same_calls_whatever_its_size(
    build: type[H264Depacketizer | H265Depacketizer], payloads: object, head: bytes
) -> None:
    assert callable(payloads)
    packetizer = Packetizer(payloads, payload_type=96, ssrc=1)
    calls = []
    for fragments in (10, FRAGMENTS):
        unit = picture(head, fragments)
        with CallMeter() as meter:
            packets = packetizer.packets(unit)
        assert len(packets) >= fragments
        calls.append(meter.python_calls)
    assert calls[0] == calls[1] < 14


@pytest.mark.parametrize(
    ("payload", "in_band"),
    [
        pytest.param(b"\xff" * 60_000, False, id="a size that never ends"),
        pytest.param(bytes(60_000), False, id="nothing but empty frames"),
        pytest.param(b"\x20\x00\x11\x90\x1f\xf7" + b"\xff" * 60_000, True, id="other data"),
    ],
)
def test_one_packet_of_latm_costs_a_few_reads_whatever_it_says(
    payload: bytes, in_band: bool
) -> None:
    # One frame an element, AAC-LC of 48 kHz.
    told = {} if in_band else {"cpresent": "0", "config": "400023203fc0"}
    taker = LatmDepacketizer(told, clock_rate_hz=48_000)
    packet = bytes((0x80, 0xE0)) + bytes(10) + payload
    with CallMeter() as meter:
        assert list(taker.feed(packet)) == []
    assert meter.python_calls < 1_000
    assert taker.counters.broken_packets == 1


@pytest.mark.parametrize("slices", [1, 4])
def test_a_picture_becomes_a_fragment_in_a_few_calls(slices: int) -> None:
    taker = H264Depacketizer.of_format({})
    taker.add_parameter_sets(
        [
            bytes.fromhex("6742c00bda0c3e84000003000400000300ca3c50aa80"),
            bytes.fromhex("68ce0fc8"),
        ]
    )
    config = taker.config
    track = Mp4Track(1, 90_000, LineStart(0, 0.0))
    track.configure(config)
    writer = FragmentWriter([1])
    units = [
        AccessUnit(3_600 * index, (b"\x41" + bytes(5_000),) * slices, key_frame=False)
        for index in range(1, 4)
    ]

    def write(unit: AccessUnit) -> bytes:
        sample = track.sample(unit, config, 1.0)
        assert sample is not None
        return writer.frame(1, sample)

    write(units[0])
    # What other tests have the collector call would be counted.
    gc.collect()
    with CallMeter() as meter:
        fragment = write(units[1])
    assert meter.python == {
        "Mp4Track.sample": 1,
        "PictureTimes.place": 1,
        "_sized_units.<locals>.parts_of": 1,
        "FragmentWriter.frame": 1,
        # How a named tuple is made: the times, the sample.
        "<lambda>": 2,
    }
    # 2.4 to 2.7 µs with one slice in CPython 3.11: 213 instructions, 28 more for each slice.
    assert opcodes(lambda: write(units[2])) <= 235 + 32 * (slices - 1)
    assert len(fragment) == 112 + slices * 5_005


def test_a_packet_in_order_takes_one_call() -> None:
    order = PacketOrder()
    packets = [bytes((0x80, 0x60, 0, number)) + bytes(1_000) for number in range(4)]
    order.take(packets[0], 1.0)
    with CallMeter() as meter:
        assert order.take(packets[1], 1.0) == (packets[1],)
    assert meter.python_calls == 1
    assert not meter.c
    # 24 in CPython 3.11.
    assert opcodes(lambda: order.take(packets[2], 1.0)) <= 40
