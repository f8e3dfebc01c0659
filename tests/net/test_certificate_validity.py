"""Dates are read from every form of certificate, and broken ones are a ValueError."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.net.certificate_validity import CertificateValidity, certificate_validity


def element(tag: int, value: bytes) -> bytes:
    size = len(value)
    if size < 0x80:
        return bytes([tag, size]) + value
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + value


def certificate(
    start: bytes = b"\x17\x0d240102030405Z",
    end: bytes = b"\x17\x0d340102030405Z",
    *,
    versioned: bool = True,
    issuer_bytes: int = 10,
) -> bytes:
    version = element(0xA0, b"\x02\x01\x02") if versioned else b""
    signed = version + element(2, b"\x01") + element(0x30, b"") + element(0x30, bytes(issuer_bytes))
    return element(0x30, element(0x30, signed + element(0x30, start + end) + bytes(40)))


@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize("issuer_bytes", [0, 127, 128, 70_000])
def test_forms(versioned: bool, issuer_bytes: int) -> None:
    der = certificate(versioned=versioned, issuer_bytes=issuer_bytes)
    assert certificate_validity(der) == CertificateValidity(
        datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2034, 1, 2, 3, 4, 5, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("written", "year"),
    [
        (b"\x17\x0d490102030405Z", 2049),
        (b"\x17\x0d500102030405Z", 1950),
        (b"\x17\x0d690102030405Z", 1969),
        (b"\x17\x0d990102030405Z", 1999),
        (b"\x18\x0f20510102030405Z", 2051),
    ],
)
def test_years(written: bytes, year: int) -> None:
    assert certificate_validity(certificate(start=written)).not_before.year == year


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        b"\x31\x00",
        b"\x30\x80",
        b"\x30\x85\x01\x01\x01\x01\x01",
        b"\x30\x05\x30",
        certificate()[:60],
        certificate(start=b"\x16\x0d240102030405Z"),
        certificate(start=b"\x17\x0dno date here!"),
        certificate(start=b"\x17\x0d241302030405Z"),
    ],
)
def test_broken(der: bytes) -> None:
    with pytest.raises(ValueError, match=r"certificate|time data|month|match"):
        certificate_validity(der)


@given(st.binary(max_size=200), st.integers(0, 100), st.integers(0, 255))
def test_anything_is_a_validity_or_a_value_error(junk: bytes, at: int, byte: int) -> None:
    changed = bytearray(certificate())
    changed[at % len(changed)] = byte
    for der in (junk, bytes(changed)):
        with contextlib.suppress(ValueError):
            assert isinstance(certificate_validity(der), CertificateValidity)


def test_complaints() -> None:
    validity = certificate_validity(certificate())
    assert validity.complaint(datetime(2030, 1, 1, tzinfo=UTC)) is None
    assert validity.complaint(datetime(2023, 1, 1, tzinfo=UTC)) == (
        "certificate is not valid before 2024-01-02 03:04:05 UTC"
    )
    assert validity.complaint(datetime(2035, 1, 1, tzinfo=UTC)) == (
        "certificate expired on 2034-01-02 03:04:05 UTC"
    )
