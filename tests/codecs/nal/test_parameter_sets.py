"""Parameter sets of the SDP and in band: kept, told apart, mended."""

from __future__ import annotations

import base64
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nal_units import CODECS, H264, NalCodec

from headwater.codecs.nal.parameter_sets import MOST_SET_BYTES, sprop_units
from headwater.codecs.quirks import Repair, annex_b_units

both = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.kind.__name__)


def sprop(*units: bytes) -> str:
    return ",".join(base64.b64encode(unit).decode() for unit in units)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (sprop(*H264.sets), list(H264.sets)),
        (sprop(*H264.sets).rstrip("="), list(H264.sets)),
        (f" {sprop(*H264.sets)} , ", list(H264.sets)),
        (sprop(H264.sets[0]) + ",???", [H264.sets[0]]),
        (sprop(H264.sets[0]) + ",\xe9\udc80", [H264.sets[0]]),
        ("Z", []),
        ("", []),
    ],
)
def test_sprop_parameter_sets_are_read_as_far_as_they_can_be(
    text: str, wanted: list[bytes]
) -> None:
    repairs: Counter[Repair] = Counter()
    assert sprop_units([text], repairs) == wanted
    assert not repairs


@pytest.mark.parametrize("start", [b"\0\0\1", b"\0\0\0\1"])
def test_a_byte_stream_in_sprop_parameter_sets_is_cut(start: bytes) -> None:
    repairs: Counter[Repair] = Counter()
    for text in (
        sprop(*(start + unit for unit in H264.sets)),
        sprop(b"".join(start + unit for unit in H264.sets)),
    ):
        assert sprop_units([text], repairs) == list(H264.sets)
    assert set(repairs) == {Repair.START_CODES_IN_PACKET}


@given(st.lists(st.binary(min_size=1, max_size=8)))
def test_a_byte_stream_is_cut_into_its_units(units: list[bytes]) -> None:
    units = [unit for unit in units if b"\0\0" not in unit and unit[-1]]
    assert annex_b_units(b"".join(b"\0\0\0\1" + unit for unit in units)) == units


@both
def test_the_sets_stand_in_the_order_of_decoders_whatever_order_they_came_in(
    codec: NalCodec,
) -> None:
    taker = codec.kind()
    for unit in reversed(codec.sets):
        assert taker.config is None
        taker.add_parameter_sets([unit])
    assert taker.config is not None
    assert taker.parameter_sets == codec.sets


@both
def test_what_is_no_parameter_set_is_left_out(codec: NalCodec) -> None:
    taker = codec.kind()
    huge = codec.sps + bytes(MOST_SET_BYTES)
    taker.add_parameter_sets([b"", codec.key, codec.sei, codec.sps[:3], huge])
    assert taker.parameter_sets == ()


@both
def test_a_cut_parameter_set_is_never_taken_for_a_whole_one(codec: NalCodec) -> None:
    for end in range(1, len(codec.sps) - 1):
        taker = codec.kind()
        taker.add_parameter_sets([codec.sps[:end]])
        # What is left of an SPS may say all but the VUI; it says nothing else then.
        assert all(unit == codec.sps[: len(unit)] for unit in taker.parameter_sets)
