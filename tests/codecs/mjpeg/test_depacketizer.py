"""JPEG packets made by hand: tables, restart intervals, sizes."""

from __future__ import annotations

import pytest
from films import decoded, film
from rtp_units import fed, stream

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.mjpeg.config import MjpegConfig
from headwater.codecs.mjpeg.depacketizer import MjpegDepacketizer
from headwater.codecs.mjpeg.payloads import mjpeg_payloads
from headwater.codecs.mjpeg.tables import headers, quantization_tables
from headwater.codecs.quirks import Repair

SCAN = b"a scan"
TABLES = bytes(range(1, 129))


def packet(
    *, kind: int = 1, quality: int = 50, width: int = 16, height: int = 8, behind: bytes = b""
) -> bytes:
    return bytes((0, 0, 0, 0, kind, quality, width, height)) + behind + SCAN


def in_band(tables: bytes, precision: int = 0) -> bytes:
    return bytes((0, precision)) + len(tables).to_bytes(2, "big") + tables


def file_of(
    tables: bytes, *, kind: int = 1, precision: int = 0, restart: int = 0, width: int = 128
) -> bytes:
    head = headers(
        width, 64, vertical=kind == 1, tables=tables, precision=precision, restart=restart
    )
    return head + SCAN + b"\xff\xd9"


@pytest.mark.parametrize(
    ("payload", "file"),
    [
        (packet(), file_of(quantization_tables(50))),
        (packet(quality=0), file_of(quantization_tables(1))),
        (packet(kind=0), file_of(quantization_tables(50), kind=0)),
        (packet(kind=65, behind=b"\0\x04\xff\xff"), file_of(quantization_tables(50), restart=4)),
        (packet(quality=255, behind=in_band(TABLES)), file_of(TABLES)),
        (packet(quality=255, behind=in_band(TABLES[:64])), file_of(TABLES[:64])),
        (packet(quality=200, behind=in_band(TABLES * 2, 3)), file_of(TABLES * 2, precision=3)),
    ],
)
def test_headers_are_those_that_the_payload_tells(payload: bytes, file: bytes) -> None:
    taker = MjpegDepacketizer()
    assert [unit.units for unit in fed(taker, stream([payload]))] == [(file,)]
    assert taker.config == MjpegConfig(128, 64)


def test_tables_of_one_quality_stay_and_those_of_255_do_not() -> None:
    first = packet(quality=130, behind=in_band(TABLES))
    again = packet(quality=130, behind=in_band(b""))
    units = fed(MjpegDepacketizer(), stream([first], [again]))
    assert [unit.units for unit in units] == [(file_of(TABLES),)] * 2
    first = packet(quality=255, behind=in_band(TABLES))
    again = packet(quality=255, behind=in_band(b""))
    assert len(fed(MjpegDepacketizer(), stream([first], [again]))) == 1


@pytest.mark.parametrize("height", [1_920, 1_440])
def test_a_width_that_wrapped_is_put_right(height: int) -> None:
    taker = MjpegDepacketizer()
    fed(taker, stream([packet(width=64, height=height // 8)]))
    assert taker.config == MjpegConfig(2_560, height)
    assert taker.repairs == {Repair.WIDTH_WRAPS: 1}


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(packet(width=0), id="no width"),
        pytest.param(packet(kind=2), id="unknown type"),
        pytest.param(packet(quality=255, behind=in_band(b"")), id="no tables"),
        pytest.param(packet(quality=255, behind=in_band(TABLES)[:40])[:60], id="half of a table"),
        pytest.param(packet(quality=255, behind=in_band(TABLES[:100])), id="a table and a half"),
        pytest.param(packet(quality=255, behind=in_band(TABLES * 5)), id="too many tables"),
        pytest.param(packet(kind=65)[:9], id="half of a restart interval"),
        pytest.param(packet()[:5], id="half of a header"),
        pytest.param(b"\0\0\0\x09" + packet()[4:], id="the picture's first packet is missing"),
    ],
)
def test_what_is_no_picture_is_dropped_and_the_next_one_comes(payload: bytes) -> None:
    taker = MjpegDepacketizer()
    units = fed(taker, stream([payload], [packet()]))
    assert [unit.units for unit in units] == [(file_of(quantization_tables(50)),)]
    assert taker.counters.dropped_access_units == 1


def test_pictures_with_restart_intervals_and_wide_tables_come_back() -> None:
    taker = MjpegDepacketizer()
    file = file_of(TABLES * 2, precision=3, restart=9)
    payloads = mjpeg_payloads(AccessUnit(1, (file,)), 300)
    assert [unit.units for unit in fed(taker, stream(payloads))] == [(file,)]


def test_fill_bytes_in_front_of_markers_are_passed_over() -> None:
    file = film("mjpeg").packets[0]
    filled = file[:2] + b"\xff\xff" + file[2:]
    payloads = mjpeg_payloads(AccessUnit(1, (filled,)), 1_000)
    (unit,) = fed(MjpegDepacketizer(), stream(payloads))
    assert decoded("mjpeg", unit.units) == list(film("mjpeg").pictures[:1])


def changed(place: bytes, by: bytes) -> bytes:
    file = file_of(TABLES)
    assert file.count(place) == 1
    return file.replace(place, by)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"GIF89a", "no JPEG file"),
        (b"\xff\xd8", "without size"),
        (file_of(TABLES)[:100], "ends inside a segment"),
        (b"\xff\xd8zz", "without a marker"),
        (changed(b"\xff\xc0", b"\xff\xc2"), "not baseline"),
        (changed(b"\x01\x22\x00\x02", b"\x01\x11\x00\x02"), "neither 4:2:0 nor 4:2:2"),
        (changed(b"\x08\x00\x40\x00\x80", b"\x08\x00\x40\x08\x00"), "at most 2040"),
        (changed(b"\x01\x05\x01\x01", b"\x01\x04\x02\x01"), "Huffman tables of its own"),
    ],
)
def test_what_the_format_cannot_carry_is_refused_with_the_reason(file: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        mjpeg_payloads(AccessUnit(1, (file,)), 1_200)


def test_tables_need_a_packet_that_holds_them() -> None:
    with pytest.raises(ValueError, match="more than 100 bytes"):
        mjpeg_payloads(AccessUnit(1, (file_of(TABLES),)), 100)
