"""Range: which part of a presentation, and when (RFC 2326 §12.29, §3.5 to §3.7)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headwater.protocol.errors import ProtocolError

_NPT_SECONDS = re.compile(r"([0-9]{1,9})(\.[0-9]{0,9})?")
_NPT_CLOCK = re.compile(r"([0-9]{1,6}):([0-5]?[0-9]):([0-5]?[0-9])(\.[0-9]{0,9})?")
_UTC = re.compile(r"([0-9]{8}T[0-9]{6})(\.[0-9]{1,9})?Z", re.IGNORECASE)
_SMPTE = re.compile(
    r"([0-9]{1,2}):([0-5]?[0-9]):([0-5]?[0-9])(?::([0-9]{1,2})(?:\.([0-9]{1,2}))?)?"
)
_WHERE = "Range"


@dataclass(frozen=True, slots=True)
class SmpteTime:
    """A film's time code (RFC 2326 §3.5)."""

    hours: int
    minutes: int
    seconds: int
    frames: int = 0
    subframes: int = 0


RangePoint = float | datetime | SmpteTime
"""Seconds for npt, a time in UTC for clock, a time code for the SMPTE units."""


@dataclass(frozen=True, slots=True)
class RangeHeader:
    """A Range header: the text as it came, and what it means.

    Attributes:
        text: the whole value, to be handed on as it is.
        unit: "npt", "clock", "smpte", "smpte-30-drop", "smpte-25" or whatever was sent.
        start: where it begins; None when open, when it is "now", or when the unit is unknown.
        end: where it ends; None when open.
        from_now: the start is the live point, "npt=now-".
        at: when the request is to take effect, its "time" parameter.
    """

    text: str
    unit: str
    start: RangePoint | None = None
    end: RangePoint | None = None
    from_now: bool = False
    at: datetime | None = None


def parse_range(value: str) -> RangeHeader:
    """Read a Range header; units unknown here are kept as text alone.

    Raises:
        ProtocolError: 457 when a known unit is malformed, or ends before it begins.
    """
    text = value.strip()
    ranges, _, parameters = text.partition(";")
    unit, equals, span = ranges.partition("=")
    unit = unit.strip().lower()
    if not unit or not equals:
        raise _invalid(f"{text!r} names no unit")
    at = _time_parameter(parameters)
    if unit != "npt" and unit != "clock" and not unit.startswith("smpte"):
        return RangeHeader(text, unit, at=at)
    start_text, dash, end_text = (part.strip() for part in span.partition("-"))
    if not dash or not (start_text or end_text):
        raise _invalid(f"{text!r} has neither start nor end")
    from_now = unit == "npt" and start_text.lower() == "now"
    start = None if from_now or not start_text else _point(unit, start_text)
    end = _point(unit, end_text) if end_text else None
    header = RangeHeader(text, unit, start, end, from_now, at)
    if isinstance(start, float) and isinstance(end, float) and end < start:
        raise _invalid(f"{text!r} ends before it begins")
    return header


def is_open_ended(value: str) -> bool:
    """Return whether a range can be read and has no end, as that of live media has none."""
    try:
        header = parse_range(value)
    except ProtocolError:
        return False
    return header.text.partition(";")[0].rstrip().endswith("-")


def npt_range(start_s: float | None = None, end_s: float | None = None) -> RangeHeader:
    """Return a normal play time range in seconds; without a start it begins "now"."""
    start = "now" if start_s is None else f"{start_s:.3f}"
    end = "" if end_s is None else f"{end_s:.3f}"
    return RangeHeader(f"npt={start}-{end}", "npt", start_s, end_s, from_now=start_s is None)


def _point(unit: str, text: str) -> RangePoint:
    if unit == "clock":
        return _utc(text)
    if unit.startswith("smpte"):
        match = _SMPTE.fullmatch(text)
        if match is None:
            raise _invalid(f"{text!r} is no SMPTE time code")
        return SmpteTime(*(int(part or 0) for part in match.groups()))
    if seconds := _NPT_SECONDS.fullmatch(text):
        return float(seconds[0])
    if clock := _NPT_CLOCK.fullmatch(text):
        whole_s = int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3])
        return whole_s + float(f"0{clock[4] or ''}")
    raise _invalid(f"{text!r} is no normal play time")


def _utc(text: str) -> datetime:
    match = _UTC.fullmatch(text)
    if match is None:
        raise _invalid(f"{text!r} is no UTC time")
    try:
        whole = datetime.strptime(match[1].upper(), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise _invalid(f"{text!r} is no date") from None
    fraction_s = float(f"0{match[2] or ''}")
    return whole + timedelta(microseconds=int(fraction_s * 1_000_000))


def _time_parameter(parameters: str) -> datetime | None:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "time":
            return _utc(value.strip())
    return None


def _invalid(message: str) -> ProtocolError:
    return ProtocolError(message, status=457, where=_WHERE)
