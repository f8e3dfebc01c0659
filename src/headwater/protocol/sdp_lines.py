"""What single lines of a session description say (RFC 4566 §5 and §6)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

DEFAULT_CLOCK_RATE_HZ = 90_000
PAYLOAD_TYPES = 128
"""RFC 3550 §5.1: the payload type has 7 bits."""
LONGEST_NAME = 256
"""Of a media type, a transport or an encoding; what is longer is cut off: nobody plays it."""
_RTPMAP = re.compile(r"\s*([0-9]{1,3})\s+([^/\s]+)\s*(?:/\s*([0-9]{1,9})\s*)?(?:/\s*([0-9]{1,3}))?")
_FMTP = re.compile(r"\s*([0-9]{1,3})(?:\s+(.*))?$", re.DOTALL)

Pairs = Iterable[tuple[str, str]]
"""Attributes by name and value."""


@dataclass(frozen=True, slots=True)
class RtpMap:
    """What one payload type carries (RFC 4566 §6, `a=rtpmap`)."""

    encoding: str
    """Encoding name in upper case, such as `H264`."""
    clock_rate_hz: int
    """Units of the RTP timestamp per second."""
    channels: int = 1
    """Audio channels."""


# RFC 3551 §6, tables 4 and 5.
STATIC_PAYLOAD_TYPES: Mapping[int, RtpMap] = {
    0: RtpMap("PCMU", 8_000),
    3: RtpMap("GSM", 8_000),
    4: RtpMap("G723", 8_000),
    5: RtpMap("DVI4", 8_000),
    6: RtpMap("DVI4", 16_000),
    7: RtpMap("LPC", 8_000),
    8: RtpMap("PCMA", 8_000),
    9: RtpMap("G722", 8_000),
    10: RtpMap("L16", 44_100, 2),
    11: RtpMap("L16", 44_100),
    12: RtpMap("QCELP", 8_000),
    13: RtpMap("CN", 8_000),
    14: RtpMap("MPA", 90_000),
    15: RtpMap("G728", 8_000),
    16: RtpMap("DVI4", 11_025),
    17: RtpMap("DVI4", 22_050),
    18: RtpMap("G729", 8_000),
    25: RtpMap("CELB", 90_000),
    26: RtpMap("JPEG", 90_000),
    28: RtpMap("NV", 90_000),
    31: RtpMap("H261", 90_000),
    32: RtpMap("MPV", 90_000),
    33: RtpMap("MP2T", 90_000),
    34: RtpMap("H263", 90_000),
}


def head_fields(head: str) -> list[str]:
    """Return what stands in an `m=` line: media type, port, transport, formats."""
    return head.lstrip()[2:].split()


def with_static_types(formats: Iterable[str], maps: dict[int, RtpMap]) -> dict[int, RtpMap]:
    """Add what the statically assigned ones of these formats carry, and return the maps."""
    for payload_type in payload_types(formats):
        if payload_type not in maps and payload_type in STATIC_PAYLOAD_TYPES:
            maps[payload_type] = STATIC_PAYLOAD_TYPES[payload_type]
    return maps


def typed(lines: Iterable[str], letter: str) -> Iterable[str]:
    """Yield the lines of one type."""
    return (line for line in lines if line.lstrip().startswith(letter + "="))


def attributes_of(lines: Iterable[str]) -> Pairs:
    """Yield name and value of each `a=` line, the name in lower case."""
    for line in typed(lines, "a"):
        name, _, value = line.lstrip()[2:].partition(":")
        yield name.strip().lower(), value


def first_value(attributes: Pairs, wanted: str) -> str | None:
    """Return the first value of an attribute that is not empty."""
    values = (value.strip() for name, value in attributes if name == wanted)
    return next((value for value in values if value), None)


def rtpmaps(attributes: Pairs) -> Iterable[tuple[int, RtpMap]]:
    """Yield payload type and map of each readable `a=rtpmap`."""
    for name, value in attributes:
        match = _RTPMAP.match(value) if name == "rtpmap" else None
        if match is None or int(match[1]) >= PAYLOAD_TYPES:
            continue
        payload_type, encoding, clock_rate, channels = match.groups()
        yield (
            int(payload_type),
            RtpMap(
                encoding[:LONGEST_NAME].upper(),
                int(clock_rate or 0) or DEFAULT_CLOCK_RATE_HZ,
                int(channels or 0) or 1,
            ),
        )


def fmtps(attributes: Pairs) -> dict[int, dict[str, str]]:
    """Return the parameters of each `a=fmtp` by payload type."""
    found: dict[int, dict[str, str]] = {}
    for name, value in attributes:
        match = _FMTP.match(value) if name == "fmtp" else None
        if match is None:
            continue
        parameters = found.setdefault(int(match[1]), {})
        for part in (match[2] or "").split(";"):
            key, _, setting = part.partition("=")
            if key.strip():
                parameters[key.strip().lower()] = setting.strip()
    return found


def bandwidths(lines: Iterable[str]) -> Iterable[tuple[str, int]]:
    """Yield type and number of each readable `b=` line."""
    for line in typed(lines, "b"):
        kind, _, value = line.lstrip()[2:].partition(":")
        number = number_of(value.strip())
        if number is not None:
            yield kind.strip(), number


def connection_address(lines: Iterable[str]) -> str | None:
    """Return the address of the first readable `c=` line, without TTL and count (RFC 4566 §5.7)."""
    for line in typed(lines, "c"):
        fields = line.lstrip()[2:].split()
        if len(fields) == 3 and fields[0].upper() == "IN":
            return fields[2].partition("/")[0]
    return None


def payload_types(formats: Iterable[str]) -> Iterable[int]:
    """Yield the formats that are payload types, as numbers."""
    for text in formats:
        number = number_of(text)
        if number is not None and number < PAYLOAD_TYPES:
            yield number


def number_of(text: str) -> int | None:
    """Return the number that the digits write; None for anything else."""
    short_digits = len(text) <= 10 and text.isascii() and text.isdigit()
    return int(text) if short_digits else None
