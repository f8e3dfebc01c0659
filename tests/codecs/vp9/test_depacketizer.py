"""VP9 packets made by hand: layers, what is missing, and what a key frame says."""

from __future__ import annotations

import av
import pytest
from films import film, picture_hash
from rtp_units import fed, stream

from headwater.codecs.bits import BitWriter
from headwater.codecs.vp9.config import Vp9Config
from headwater.codecs.vp9.depacketizer import Vp9Depacketizer
from headwater.codecs.vp9.payloads import superframe, vp9_payloads


def key_frame(profile: int, colours: int, colours_bits: int, *, width: int = 320) -> bytes:
    bits = BitWriter()
    bits.bits(2, 2)
    bits.bits(profile & 1, 1)
    bits.bits(profile >> 1, 1)
    bits.bits(0b0010, 5 if profile == 3 else 4)
    bits.bits(0x498342, 24)
    bits.bits(colours, colours_bits)
    bits.bits(width - 1, 16)
    bits.bits(239, 16)
    return bits.content() + b"rest"


KEY = key_frame(0, 0b0010, 4)
INTER = b"\x86rest"


@pytest.mark.parametrize(
    ("profile", "colours", "colours_bits", "depth", "subsampling", "full"),
    [
        (0, 0b001_0, 4, 8, 1, False),
        (0, 0b001_1, 4, 8, 1, True),
        (1, 0b001_0_000, 7, 8, 3, False),
        (1, 0b001_0_100, 7, 8, 2, False),
        (1, 0b111_0, 4, 8, 3, True),
        (2, 0b0_001_0, 5, 10, 1, False),
        (2, 0b1_001_0, 5, 12, 1, False),
        (3, 0b1_001_0_100, 8, 12, 2, False),
    ],
)
def test_what_a_key_frame_says(
    profile: int, colours: int, colours_bits: int, depth: int, subsampling: int, full: bool
) -> None:
    taker = Vp9Depacketizer()
    (unit,) = fed(taker, stream([b"\x0c" + key_frame(profile, colours, colours_bits)]))
    assert unit.key_frame
    assert taker.config == Vp9Config(profile, depth, subsampling, full, 320, 240)


@pytest.mark.parametrize(
    ("width", "height", "level"),
    [(192, 112, 11), (640, 360, 30), (1920, 1080, 41), (3840, 2160, 51), (16384, 16384, 62)],
)
def test_the_level_is_the_smallest_that_is_large_enough(
    width: int, height: int, level: int
) -> None:
    assert Vp9Config(0, 8, 1, False, width, height).level == level


def test_each_spatial_layer_is_a_frame_of_the_picture() -> None:
    # L: temporal and spatial layer, then the index that is not there in the flexible mode.
    layers = [b"\x2c\x00\x00" + KEY, b"\x2c\x02\x00" + INTER]
    (unit,) = fed(Vp9Depacketizer(), stream(layers))
    assert unit.units == (KEY, INTER)


@pytest.mark.parametrize(
    "packets",
    [
        pytest.param([b"\x04" + KEY], id="the frame's first packet is missing"),
        pytest.param([b"\x0c" + KEY[:6]], id="ends inside its header"),
        pytest.param([b"\x0c" + KEY[:1] + b"zzz" + KEY[4:]], id="without its sync code"),
        pytest.param([b"\x8c"], id="ends inside its descriptor"),
        pytest.param([b"\x0c"], id="an empty frame"),
    ],
)
def test_what_is_no_frame_is_dropped_and_so_is_what_refers_to_it(packets: list[bytes]) -> None:
    taker = Vp9Depacketizer()
    units = fed(taker, stream([b"\x0c" + KEY], packets, [b"\x4c" + INTER], [b"\x0c" + KEY]))
    assert [unit.units for unit in units] == [(KEY,), (KEY,)]
    assert taker.counters.dropped_access_units == 2


def test_frames_of_a_superframe_are_decoded_one_by_one() -> None:
    shown = film("vp9")
    decoder = av.CodecContext.create("vp9", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    parser = av.CodecContext.create("vp9", "r")
    joined = superframe(shown.packets[:3])
    packets = [packet for packet in parser.parse(joined) if packet.size]
    packets += parser.parse(None)
    assert b"".join(bytes(packet) for packet in packets).startswith(shown.packets[0])
    # A decoder shows the last frame of a superframe: all of them were decoded for it.
    pictures = [picture_hash(frame) for frame in decoder.decode(av.Packet(joined))]
    pictures += [picture_hash(frame) for frame in decoder.decode(None)]
    assert shown.pictures[2] in pictures


def test_fragments_tell_where_the_frame_begins_and_ends() -> None:
    (unit,) = fed(Vp9Depacketizer(), stream([b"\x0c" + KEY]))
    payloads = vp9_payloads(unit, 6)
    assert [payload[0] for payload in payloads] == [0x08, 0, 0x04]
    assert b"".join(payload[1:] for payload in payloads) == KEY
