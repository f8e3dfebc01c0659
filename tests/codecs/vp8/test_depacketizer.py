"""VP8 packets made by hand."""

from __future__ import annotations

import pytest
from rtp_units import fed, stream

from headwater.codecs.vp8.config import Vp8Config
from headwater.codecs.vp8.depacketizer import Vp8Depacketizer

KEY = b"\x10\x02\x00\x9d\x01\x2a\x40\x41\xf0\x80rest of it"
INTER = b"\x11\x02\x00rest of another"


def test_a_key_frame_says_how_large_the_picture_is() -> None:
    taker = Vp8Depacketizer()
    units = fed(taker, stream([b"\x10" + KEY], [b"\x10" + INTER]))
    assert [(unit.key_frame, unit.units) for unit in units] == [(True, (KEY,)), (False, (INTER,))]
    # Two bits of each are for scaling.
    assert taker.config == Vp8Config(0x140, 0xF0)


@pytest.mark.parametrize(
    "descriptor",
    [b"\x10", b"\x90\x80\x11", b"\x90\x80\x91\x22", b"\x90\xe0\x91\x22\x33\x44", b"\xb0\x40\x33"],
)
def test_descriptors_with_picture_ids_and_layers(descriptor: bytes) -> None:
    assert fed(Vp8Depacketizer(), stream([descriptor + KEY]))[0].units == (KEY,)


@pytest.mark.parametrize(
    "packets",
    [
        pytest.param([b"\x00" + KEY], id="the frame's first packet is missing"),
        pytest.param([b"\x11" + KEY], id="it begins with another partition"),
        pytest.param([b"\x10" + KEY[:3] + b"zzz" + KEY[6:]], id="without its start code"),
        pytest.param([b"\x10" + KEY[:8]], id="ends before its size"),
        pytest.param([b"\x90\x80"], id="ends inside its descriptor"),
        pytest.param([b"\x10"], id="an empty frame"),
    ],
)
def test_what_is_no_frame_is_dropped_and_so_is_what_refers_to_it(packets: list[bytes]) -> None:
    taker = Vp8Depacketizer()
    units = fed(taker, stream([b"\x10" + KEY], packets, [b"\x10" + INTER], [b"\x10" + KEY]))
    assert [unit.units for unit in units] == [(KEY,), (KEY,)]
    assert taker.counters.dropped_access_units == 2
    assert taker.counters.access_units == 2
