"""What clients and cameras get wrong and are understood in all the same, each by its name.

The rules here bend single values; nothing else in the package departs from the RFCs silently.
"""

import re

_HEX = re.compile(r"(?:0[xX])?([0-9A-Fa-f]+)")
_WORD = re.compile(r"[A-Z0-9_\-]+")
_MAX_SSRC = 0xFFFF_FFFF


def transport_ssrc(value: str) -> int | None:
    """Read the SSRC of a Transport header, None when it is beyond reading.

    RFC 2326 §12.39 wants eight hexadecimal digits. Hikvision and Dahua pad with blanks and leave
    zeros out; ibaRTSPServer writes the number in decimal, which shows when it is too large for
    hexadecimal. An SSRC is a hint: what cannot be read is left out, not refused.
    """
    match = _HEX.fullmatch(value.strip())
    if match is None or len(match[1]) > 16:
        return None
    digits = match[1]
    number = int(digits, 16)
    if number > _MAX_SSRC and digits.isdecimal():
        number = int(digits)
    return number if number <= _MAX_SSRC else None


def transport_mode(value: str) -> str | None:
    """Read the mode of a Transport header: upper case, `receive` as RECORD, None when it is none.

    Drafts of RFC 2326 called it "receive", and encoders still do. Of a list the first is taken;
    what is no word (a lone quote among it) says no mode.
    """
    first = value.partition(",")[0].strip().upper()
    if not _WORD.fullmatch(first):
        return None
    return "RECORD" if first == "RECEIVE" else first


def port_of_partner(port: int) -> int:
    """Return the RTCP port (or channel) of a single RTP one: the next.

    RFC 2326 §12.39 makes the second of a pair optional; ExoPlayer and older cameras leave it out.
    """
    return port + 1


def ports_are_absent(first: int, second: int) -> bool:
    """Whether a pair of ports says that there are none: GStreamer's rtspclientsink sends 0-0."""
    return first == 0 and second in (0, 1)
