"""When a certificate is valid, read from its DER form (RFC 5280 section 4.1.2.5). Pure.

The `ssl` module tells this for a peer's certificate only, not for one that is loaded to serve.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_INTEGER: Final = 0x02
_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18
_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0


@dataclass(frozen=True, slots=True)
class CertificateValidity:
    """The time span in which a certificate is valid, both ends included."""

    not_before: datetime
    not_after: datetime

    def complaint(self, now: datetime) -> str | None:
        """Return what is wrong with the certificate at this time, None when it is valid."""
        if now < self.not_before:
            return f"certificate is not valid before {self.not_before:%Y-%m-%d %H:%M:%S} UTC"
        if now > self.not_after:
            return f"certificate expired on {self.not_after:%Y-%m-%d %H:%M:%S} UTC"
        return None


def certificate_validity(der: bytes) -> CertificateValidity:
    """Return the validity of a DER certificate; ValueError when it cannot be read."""
    try:
        _tag, certificate, _end = _element(der, 0, _SEQUENCE)
        _tag, signed, _end = _element(certificate, 0, _SEQUENCE)
        at = 0
        if signed[0] == _VERSION:
            _tag, _version, at = _element(signed, at, _VERSION)
        for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):  # serialNumber, signature, issuer
            _tag, _value, at = _element(signed, at, tag)
        _tag, validity, _end = _element(signed, at, _SEQUENCE)
        tag, start, at = _element(validity, 0, None)
        not_before = _time(tag, start)
        tag, end, _at = _element(validity, at, None)
        return CertificateValidity(not_before, _time(tag, end))
    except IndexError:
        raise ValueError("certificate is cut short") from None


def _element(data: bytes, at: int, expected_tag: int | None) -> tuple[int, bytes, int]:
    """Return tag, value and the position behind the element at `at` (X.690 section 8.1)."""
    tag = data[at]
    if expected_tag is not None and tag != expected_tag:
        raise ValueError(f"certificate has element {tag:#04x} where {expected_tag:#04x} belongs")
    length = data[at + 1]
    at += 2
    if length & 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 4:
            raise ValueError("certificate has an element of unreadable length")
        length = int.from_bytes(data[at : at + octets], "big")
        at += octets
    if at + length > len(data):
        raise ValueError("certificate is cut short")
    return tag, data[at : at + length], at + length


def _time(tag: int, value: bytes) -> datetime:
    form = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}.get(tag)
    if form is None:
        raise ValueError(f"certificate has element {tag:#04x} where a time belongs")
    text = value.decode("ascii", "replace")
    moment = datetime.strptime(text, form).replace(tzinfo=UTC)
    # RFC 5280 section 4.1.2.5.1: two-digit years of 50 and more MUST be read as 19YY.
    if tag == _UTC_TIME and int(text[:2]) >= 50 and moment.year >= 2000:
        moment = moment.replace(year=moment.year - 100)
    return moment
