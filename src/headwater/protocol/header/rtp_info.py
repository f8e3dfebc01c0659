"""RTP-Info: where each track of a PLAY begins (RFC 2326 §12.33)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from headwater.protocol.header.parameters import unquoted

_ENTRY_START = re.compile(r"(?:^|,)\s*url\s*=", re.IGNORECASE)
_PARAMETER = re.compile(r";\s*(seq|rtptime)\s*=\s*([0-9]{1,10})\s*(?=;|$)", re.IGNORECASE)
_URL_END = re.compile(r";\s*(?:seq|rtptime|ssrc)\s*=|$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RtpInfoEntry:
    """First sequence number and timestamp of one track; None where it is not known."""

    url: str
    seq: int | None = None
    rtptime: int | None = None


def parse_rtp_info(value: str) -> list[RtpInfoEntry]:
    """Return the entries, those without a URL left out.

    A URL may hold commas and semicolons, as written by clients that quote nothing; numbers that
    do not fit their field (16 and 32 bits) count as unknown.
    """
    starts = list(_ENTRY_START.finditer(value))
    ends = [*(start.start() for start in starts), len(value)][1:]
    entries: list[RtpInfoEntry] = []
    for start, end in zip(starts, ends, strict=True):
        text = value[start.end() : end].strip()
        url_end = _URL_END.search(text)
        cut = url_end.start() if url_end else len(text)
        url = unquoted(text[:cut])
        if not url:
            continue
        numbers = {name.lower(): int(digits) for name, digits in _PARAMETER.findall(text[cut:])}
        entries.append(
            RtpInfoEntry(
                url,
                seq=_within(numbers.get("seq"), 0xFFFF),
                rtptime=_within(numbers.get("rtptime"), 0xFFFF_FFFF),
            )
        )
    return entries


def format_rtp_info(entries: Iterable[RtpInfoEntry]) -> str:
    """Return the header value; what is not known is left out."""
    return ",".join(map(_formatted, entries))


def _formatted(entry: RtpInfoEntry) -> str:
    seq = "" if entry.seq is None else f";seq={entry.seq}"
    rtptime = "" if entry.rtptime is None else f";rtptime={entry.rtptime}"
    return f"url={entry.url}{seq}{rtptime}"


def _within(number: int | None, maximum: int) -> int | None:
    return number if number is not None and number <= maximum else None
