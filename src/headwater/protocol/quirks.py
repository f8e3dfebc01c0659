"""What clients and cameras get wrong and are understood in all the same, each by its name.

The rules here bend single values and states. What is about credentials is in `access/quirks.py`,
what is about sessions and their URLs in `server/quirks.py`, what is about a server's answers to a
client in `transports/quirks.py`; nothing else departs from the RFCs silently.
"""

import re
from collections.abc import Container, Iterable

_HEX = re.compile(r"(?:0[xX])?([0-9A-Fa-f]+)")
_PROFILE = re.compile(r"(?:(?:TCP|UDP)/)?(RTP/S?AVPF?)(?:[0-9]+|[/;].*)?", re.IGNORECASE)
_WORD = re.compile(r"[A-Z0-9_\-]+")
_MAX_SSRC = 0xFFFF_FFFF
_CHANNELS = 256

END_OF_CRLF_HEAD = re.compile(rb"\n(?:(?<=\r\n)\r)?\n")
"""The empty line behind a head whose first line ended with CR LF.

RFC 2326 §4 has receivers take LF alone as the end of a line as well, so that LF CR LF were an empty
line. Android's Base64 ends with an LF, and RootEncoder and libstreaming send `Authorization` so:
in such a head an LF in front of CR LF ends no line of its own, whichever header it stands in.
"""

METHODS_WITHOUT_EFFECT = {"ready": ("PAUSE",)}
"""Methods that a session's state lets pass though they change nothing: state → methods.

RFC 2326 A.2 knows no PAUSE of a session that does not run. RFC 7826 B.4 has it do nothing, and a
player that is paused twice, or before its PLAY, would end at the 455.
"""


def continues_line_before(block: bytes, at: int) -> bool:
    """Return whether a line without a colon, in a head with CR LF, goes on with the line before it.

    It does where that one ended with LF alone: Android's Base64 breaks long values so after 76
    characters. A line with a colon, which Base64 has not, is a header of its own whatever stands
    before it: no header hides in another's value.

    Args:
        block: the header lines.
        at: where the line begins.
    """
    return at > 0 and not block.endswith(b"\r\n", 0, at)


def base64_without_line_breaks(token: str) -> str:
    """Return Base64 without the line breaks of `continues_line_before` and other blanks."""
    return "".join(token.split())


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


def media_profile(transport: str) -> str:
    """Return the transport of an `m=` line without how the publisher's own packets travel.

    RFC 2326 §C.1.2: the lower transport is settled in SETUP. Larix announces `RTP/AVP/TCP`, other
    encoders `RTP/AVP/UDP` or `RTP/AVP/TCP;unicast`, or leave out the blank before the format
    (`RTP/AVP96`). GStreamer, live555 and VLC play `RTP/AVP` alone.
    """
    found = _PROFILE.fullmatch(transport)
    return transport if found is None else found[1].upper()


def payload_type_names(
    profile: str, formats: Iterable[str], rtpmap: Iterable[int]
) -> tuple[str, ...]:
    """Return the formats of an `m=` line that readers can use.

    RFC 4566 §5.14: under RTP they are payload type numbers. TP-Link cameras announce a track with
    `smart/1/90000`, Android libraries `(null)`; ExoPlayer then refuses the other tracks as well.
    Where none is a number, those of `a=rtpmap` are.
    """
    if not profile.startswith("RTP/"):
        return tuple(formats)
    numbers = tuple(name for name in formats if name.isascii() and name.isdigit())
    return numbers or tuple(str(number) for number in rtpmap if number < 128)


def port_of_partner(port: int) -> int:
    """Return the RTCP port (or channel) of a single RTP one: the next.

    RFC 2326 §12.39 makes the second of a pair optional; ExoPlayer and older cameras leave it out.
    """
    return port + 1


def ports_are_absent(first: int, second: int) -> bool:
    """Return whether a pair of ports means none: GStreamer's rtspclientsink sends 0-0."""
    return first == 0 and second in (0, 1)


def channel_pair(wanted: tuple[int, int] | None, taken: Container[int]) -> tuple[int, int] | None:
    """Return the interleaved channels of a track: the wanted ones, else the first free pair.

    RFC 2326 §12.39 has the client name them. Genetec's Omnicast names none; others name 0-1
    for every track. Both take the pair that the answer tells. None when all are taken.
    """
    if wanted is not None and _are_free(wanted, taken):
        return wanted
    pairs = ((rtp, rtp + 1) for rtp in range(0, _CHANNELS, 2))
    return next((pair for pair in pairs if _are_free(pair, taken)), None)


def _are_free(pair: tuple[int, int], taken: Container[int]) -> bool:
    rtp, rtcp = pair
    return rtp != rtcp and all(0 <= one < _CHANNELS and one not in taken for one in pair)
