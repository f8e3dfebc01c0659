"""Packets of H.264 and H.265 to access units: as the RFCs have it, and as cameras do it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from nal_units import CODECS, H264, H265, NalCodec
from rtp_units import fed, marked, rtp, stream

from headwater.codecs import depacketizer as limits
from headwater.codecs.nal import depacketizer as nal
from headwater.codecs.quirks import Repair

both = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.kind.__name__)


def units_of(codec: NalCodec, packets: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    return [unit.units for unit in fed(codec.kind(), packets)]


# -- as the RFCs have it


@both
def test_whole_aggregated_and_fragmented_units_are_the_same_access_unit(codec: NalCodec) -> None:
    wanted = codec.access_unit(codec.sei, codec.key, codec.key_next)
    for payloads in (
        [*codec.sets, codec.sei, codec.key, codec.key_next],
        [codec.aggregate(*codec.sets, codec.sei), codec.key, codec.key_next],
        [codec.aggregate(*codec.sets, codec.sei, codec.key, codec.key_next)],
        [*codec.sets, codec.sei, *codec.fragments(codec.key), *codec.fragments(codec.key_next)],
        [
            codec.delimiter,
            codec.aggregate(codec.delimiter, *codec.sets, codec.sei),
            *codec.fragments(codec.key, count=7),
            codec.key_next,
        ],
    ):
        (unit,) = fed(codec.kind(), marked(*payloads, timestamp=77))
        assert unit.units == wanted
        assert (unit.timestamp, unit.key_frame, unit.damaged) == (77, True, False)


@both
def test_an_access_unit_comes_with_its_last_packet(codec: NalCodec) -> None:
    taker = codec.kind()
    packets = stream([*codec.sets, *codec.fragments(codec.key)], [codec.picture])
    assert [len(taker.feed(packet)) for packet in packets] == [*[0] * (len(packets) - 2), 1, 1]


@both
def test_without_a_marker_it_comes_when_the_timestamp_changes(codec: NalCodec) -> None:
    taker = codec.kind()
    pictures = [[*codec.sets, codec.key], codec.fragments(codec.picture), [codec.picture]]
    packets = [
        rtp(packet[12:], index, int.from_bytes(packet[4:8], "big"))
        for index, packet in enumerate(stream(*pictures))
    ]
    units = [unit for packet in packets for unit in taker.feed(packet)]
    assert [unit.units for unit in units] == [codec.access_unit(codec.key), (codec.picture,)]
    assert [unit.units for unit in taker.flush()] == [(codec.picture,)]
    assert not taker.repairs


@both
def test_parameter_sets_may_come_beside_the_packets_or_change_on_the_way(codec: NalCodec) -> None:
    taker = codec.kind()
    taker.add_parameter_sets(codec.sets)
    first = taker.config
    assert first is not None
    (before,) = fed(taker, marked(codec.key, timestamp=1))
    assert before.units == codec.access_unit(codec.key)
    assert taker.config is first
    (after,) = fed(taker, marked(codec.other_sps, codec.key, sequence=1, timestamp=2))
    assert codec.other_sps in after.units
    assert codec.sps not in after.units
    assert taker.config not in (None, first)


@both
def test_parameter_sets_in_front_of_another_picture_are_given_with_it(codec: NalCodec) -> None:
    packets = stream([*codec.sets, codec.key], [*codec.sets, codec.picture])
    units = fed(codec.kind(), packets)
    assert [unit.key_frame for unit in units] == [True, False]
    assert units[1].units == codec.access_unit(codec.picture)


# -- loss


@both
def test_after_a_loss_nothing_is_given_until_the_next_key_frame(codec: NalCodec) -> None:
    key = [*codec.sets, *codec.fragments(codec.key)]
    picture = codec.fragments(codec.picture)
    packets = stream(key, picture, picture, key, picture)
    whole = fed(codec.kind(), packets)
    assert len(whole) == 5
    for lost in range(len(key), len(key) + len(picture)):
        taker = codec.kind()
        assert fed(taker, packets[:lost] + packets[lost + 1 :]) == [whole[0], *whole[3:]]
        assert taker.counters.lost_packets == 1
        assert taker.counters.dropped_access_units == 2
        assert not taker.repairs
        damaged = [
            unit.damaged
            for unit in fed(codec.kind(keeps_damaged=True), packets[:lost] + packets[lost + 1 :])
        ]
        # A picture of which nothing is left is not given at all.
        assert damaged == [False, *[True] * (len(damaged) - 3), False, False]
        assert len(damaged) > 3


@both
@pytest.mark.parametrize("lost", range(3))
def test_a_key_frame_that_is_not_whole_is_none(codec: NalCodec, lost: int) -> None:
    taker = codec.kind()
    taker.add_parameter_sets(codec.sets)
    packets = stream([codec.key, codec.key_next, codec.key_next], [codec.picture])
    assert fed(taker, packets[:lost] + packets[lost + 1 :]) == []
    assert taker.waits_for_key_frame


@both
def test_a_loss_between_two_pictures_may_have_been_a_whole_one(codec: NalCodec) -> None:
    packets = stream([*codec.sets, codec.key], [codec.picture], [codec.picture])
    taker = codec.kind()
    assert len(fed(taker, [*packets[:-2], packets[-1]])) == 1
    assert taker.waits_for_key_frame


@both
def test_pictures_in_front_of_the_first_key_frame_are_dropped_and_counted(codec: NalCodec) -> None:
    taker = codec.kind()
    packets = stream([codec.picture], [codec.key], [*codec.sets, codec.key])
    assert len(fed(taker, packets)) == 1
    assert taker.counters.dropped_access_units == 2


def test_pictures_that_lead_a_random_access_point_are_left_out_when_they_cannot_be_decoded() -> (
    None
):
    cra, leading = b"\x2a\x01\xaf12", b"\x10\x01\xd012"
    pictures = [[*H265.sets, cra], [leading], [H265.picture], [cra], [leading]]
    units = fed(H265.kind(), stream(*pictures))
    assert [unit.units[-1] for unit in units] == [cra, H265.picture, cra, leading]


def test_a_recovery_point_is_a_place_to_begin() -> None:
    recovery = b"\x06\x06\x01\xc4\x80"
    units = fed(H264.kind(), stream([*H264.sets, recovery, H264.picture], [H264.picture]))
    assert [unit.key_frame for unit in units] == [True, False]


@pytest.mark.parametrize(("slice_type", "bidirectional"), [(5, False), (6, True), (1, True)])
def test_b_slices_are_seen(slice_type: int, bidirectional: bool) -> None:
    codes = {1: "010", 5: "00110", 6: "00111"}
    bits = ("1" + codes[slice_type]).ljust(16, "1")
    unit = b"\x41" + int(bits, 2).to_bytes(2, "big")
    units = fed(H264.kind(), stream([*H264.sets, H264.key], [unit]))
    assert [unit.bidirectional for unit in units] == [False, bidirectional]


# -- what cameras get wrong


def mended(
    codec: NalCodec, packets: Sequence[bytes], repair: Repair, wanted: Sequence[tuple[bytes, ...]]
) -> None:
    taker = codec.kind()
    assert [unit.units for unit in fed(taker, packets)] == list(wanted)
    assert set(taker.repairs) == {repair}
    assert taker.counters.broken_packets == taker.counters.dropped_access_units == 0


@both
def test_marker_on_parameter_sets_and_sei(codec: NalCodec) -> None:
    payloads = [*codec.sets, codec.sei]
    packets = [rtp(unit, index, 1, marker=True) for index, unit in enumerate(payloads)]
    packets += marked(*codec.fragments(codec.key), sequence=len(packets), timestamp=1)
    wanted = [codec.access_unit(codec.sei, codec.key)]
    mended(codec, packets, Repair.MARKER_WITHOUT_PICTURE, wanted)


@both
def test_parameter_sets_with_a_timestamp_of_their_own(codec: NalCodec) -> None:
    packets = [rtp(unit, index, index) for index, unit in enumerate([*codec.sets, codec.sei])]
    packets += marked(codec.key, sequence=len(packets), timestamp=90)
    wanted = [codec.access_unit(codec.sei, codec.key)]
    mended(codec, packets, Repair.OWN_TIMESTAMP_OF_PARAMETERS, wanted)
    assert fed(codec.kind(), packets)[0].timestamp == 90


@both
def test_a_delimiter_or_sei_alone_is_no_picture(codec: NalCodec) -> None:
    packets = stream(
        [*codec.sets, codec.key], [codec.delimiter], [codec.picture], [codec.delimiter]
    )
    assert units_of(codec, packets) == [codec.access_unit(codec.key), (codec.picture,)]
    alone = [rtp(codec.sei, 0, 1, marker=True)]
    assert units_of(codec, alone) == []


@both
def test_timestamp_changes_inside_a_fragmented_unit_or_between_slices(codec: NalCodec) -> None:
    parts = codec.fragments(codec.key)
    payloads = [*codec.sets, *parts, codec.key_next, *codec.fragments(codec.key_next)]
    for change in range(len(codec.sets) + 1, len(payloads) - 2):
        packets = [
            rtp(payload, index, 1 + (index >= change), marker=index == len(payloads) - 1)
            for index, payload in enumerate(payloads)
        ]
        wanted = [codec.access_unit(codec.key, codec.key_next, codec.key_next)]
        mended(codec, packets, Repair.TIMESTAMP_CHANGES_IN_PICTURE, wanted)
        assert fed(codec.kind(), packets)[0].timestamp == 1


@both
def test_fragment_without_an_end_bit(codec: NalCodec) -> None:
    parts = codec.fragments(codec.key)
    parts[-1] = codec.fragment(codec.key, 0, parts[-1][codec.header_bytes + 1 :])
    wanted = [codec.access_unit(codec.key)]
    mended(codec, marked(*codec.sets, *parts), Repair.NO_END_BIT, wanted)
    wanted = [codec.access_unit(codec.key, codec.key_next)]
    for behind in ([codec.key_next], codec.fragments(codec.key_next)):
        mended(codec, marked(*codec.sets, *parts, *behind), Repair.NO_END_BIT, wanted)
    unmarked = [rtp(payload, index) for index, payload in enumerate([*codec.sets, *parts])]
    unmarked += marked(codec.picture, sequence=len(unmarked), timestamp=5)
    wanted = [codec.access_unit(codec.key), (codec.picture,)]
    mended(codec, unmarked, Repair.NO_END_BIT, wanted)


@both
def test_fragment_without_a_start_bit(codec: NalCodec) -> None:
    parts = codec.fragments(codec.key)
    parts[0] = codec.fragment(codec.key, 0, parts[0][codec.header_bytes + 1 :])
    wanted = [codec.access_unit(codec.key)]
    packets = stream([*codec.sets, codec.key], [*parts])
    mended(codec, packets, Repair.NO_START_BIT, [*wanted, *wanted])


@both
def test_start_and_end_bit_on_one_fragment(codec: NalCodec) -> None:
    whole = codec.fragment(codec.key, 0xC0, codec.key[codec.header_bytes :])
    packets = marked(*codec.sets, whole)
    mended(codec, packets, Repair.START_AND_END_BIT, [codec.access_unit(codec.key)])


@both
def test_header_changes_inside_a_fragmented_unit(codec: NalCodec) -> None:
    parts = codec.fragments(codec.key)
    for changed in range(1, len(parts)):
        flags = 0x40 if changed == len(parts) - 1 else 0
        other = codec.fragment(codec.picture, flags, parts[changed][codec.header_bytes + 1 :])
        packets = marked(*codec.sets, *parts[:changed], other, *parts[changed + 1 :])
        wanted = [codec.access_unit(codec.key)]
        mended(codec, packets, Repair.HEADER_CHANGES_IN_FRAGMENT, wanted)


@both
@pytest.mark.parametrize("start_code", [b"\0\0\1", b"\0\0\0\1"])
def test_start_codes_inside_a_packet(codec: NalCodec, start_code: bytes) -> None:
    wanted = [codec.access_unit(codec.key)]
    units = start_code.join([*codec.sets, codec.key])
    for text in (units, start_code + units):
        mended(codec, marked(text), Repair.START_CODES_IN_PACKET, wanted)
    mended(codec, marked(*codec.fragments(units, count=4)), Repair.START_CODES_IN_PACKET, wanted)


@both
@pytest.mark.parametrize("stray", [b"\0", b"\x04", b"\x80", b"\xff\xff", b"\0\0\3\1"])
def test_stray_bytes_behind_an_sps(codec: NalCodec, stray: bytes) -> None:
    sets = [unit + stray if unit == codec.sps else unit for unit in codec.sets]
    wanted = [codec.access_unit(codec.key)]
    mended(codec, marked(*sets, codec.key), Repair.BYTES_BEHIND_PARAMETERS, wanted)


@both
def test_marker_on_each_slice_is_seen_through_after_one_picture(codec: NalCodec) -> None:
    pictures = [
        [*codec.sets, codec.key, codec.key_next],
        [codec.picture, codec.picture_next],
        [*codec.sets, codec.key, codec.key_next],
        [codec.picture, codec.picture_next],
    ]
    packets = [
        rtp(packet[12:], index, int.from_bytes(packet[4:8], "big"), marker=True)
        for index, packet in enumerate(stream(*pictures))
    ]
    taker = codec.kind()
    given = [unit.units for unit in fed(taker, packets)]
    assert given[-2:] == [
        codec.access_unit(codec.key, codec.key_next),
        (codec.picture, codec.picture_next),
    ]
    assert taker.repairs[Repair.MARKER_ON_EACH_SLICE] == 1


# -- what can be bounded only


@both
def test_what_is_no_payload_is_counted(codec: NalCodec) -> None:
    unknown = b"\x7e1234" if codec is H264 else b"\x7f\x011234"
    cut = codec.aggregate(codec.sei, codec.sei)[:-2]
    short = codec.fragment(codec.key, 0x80, b"")[: codec.header_bytes]
    taker = codec.kind()
    fed(taker, marked(unknown, cut, short))
    assert taker.counters.broken_packets == 3


@both
def test_a_broken_packet_takes_nothing_from_the_picture_before(codec: NalCodec) -> None:
    taker = codec.kind()
    packets = [rtp(unit, index) for index, unit in enumerate([*codec.sets, codec.key])]
    cut = codec.fragment(codec.key, 0x80, b"")[: codec.header_bytes]
    packets.append(rtp(cut, len(packets), 9))
    assert [unit.units for unit in fed(taker, packets)] == [codec.access_unit(codec.key)]


@both
def test_a_parameter_set_that_cannot_be_read_is_left_out(codec: NalCodec) -> None:
    taker = codec.kind()
    (unit,) = fed(taker, marked(*codec.sets, codec.sps[:6], codec.key))
    assert unit.units == codec.access_unit(codec.key)
    assert taker.counters.broken_packets == 1


@both
def test_an_access_unit_has_a_bound(codec: NalCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nal, "MOST_UNIT_BYTES", 1_000)
    monkeypatch.setattr(nal, "MOST_UNITS", 50)
    endless = codec.fragments(codec.key, count=3)[1]
    floods = [
        [codec.fragments(codec.key)[0], *[endless] * 100],
        [codec.key, *[codec.key_next] * 100],
        [codec.sei] * 100,
    ]
    for flood in floods:
        taker = codec.kind()
        taker.add_parameter_sets(codec.sets)
        for index, payload in enumerate(flood):
            taker.feed(rtp(payload, index))
            assert sum(map(len, taker._units)) + len(taker._fragment) <= 1_200
            assert len(taker._units) <= 51
        (unit,) = fed(taker, marked(codec.key, sequence=101, timestamp=9))
        assert unit.units == codec.access_unit(codec.key)
        assert taker.counters.broken_packets
    assert limits.MOST_UNIT_BYTES > 1_000
