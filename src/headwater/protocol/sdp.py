"""Session descriptions as publishers and cameras really send them (RFC 4566, RFC 2326 appendix C).

Reading is liberal: line feeds alone, empty lines, missing or misplaced session lines, odd spacing
and bytes that are no UTF-8 are taken as they come. Every line is kept, and writing (`relayed`,
`multicast`) changes only what says where the media is found; see `sdp_relay`.
"""

import codecs
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar

from headwater.protocol.errors import ProtocolError
from headwater.protocol.quirks import media_profile, payload_type_names
from headwater.protocol.sdp_relay import MediaSection, MulticastEndpoint, relay_text

_T = TypeVar("_T")

__all__ = ["MediaDescription", "MulticastEndpoint", "RtpMap", "SessionDescription"]

_DEFAULT_CLOCK_RATE_HZ = 90_000
_DIRECTIONS = frozenset({"sendonly", "recvonly", "sendrecv", "inactive"})
# Format parameters whose values mean the same in any case (RFC 6184 §8.1, RFC 3640 §4.1).
_IN_ANY_CASE = frozenset({"profile-level-id", "config", "mode"})
_RTPMAP = re.compile(r"\s*([0-9]{1,3})\s+([^/\s]+)\s*(?:/\s*([0-9]{1,9})\s*)?(?:/\s*([0-9]{1,3}))?")
_FMTP = re.compile(r"\s*([0-9]{1,3})(?:\s+(.*))?$", re.DOTALL)


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


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """One `m=` section: the description of one track.

    `lines` is the truth, as it came; all else is read from it, and two sections are equal when
    their lines are.
    """

    lines: tuple[str, ...]
    """The section's lines from `m=` on, without line ends."""
    kind: str = field(compare=False)
    """`video`, `audio`, `application` …, in lower case."""
    port: int = field(compare=False)
    """The port of the `m=` line, 0 where it is none."""
    protocol: str = field(compare=False)
    """The transport of the `m=` line, such as `RTP/AVP`."""
    format_names: tuple[str, ...] = field(compare=False)
    """The formats of the `m=` line as text."""
    control: str | None = field(compare=False)
    """Value of `a=control`, None where there is none."""
    rtpmap: Mapping[int, RtpMap] = field(compare=False)
    """By payload type; statically assigned ones (RFC 3551 §6) are filled in."""
    fmtp: Mapping[int, Mapping[str, str]] = field(compare=False)
    """Format parameters by payload type; names in lower case, values as they came."""
    direction: str | None = field(compare=False)
    """`sendonly`, `recvonly`, `sendrecv` or `inactive`, where one is given."""
    bandwidth: Mapping[str, int] = field(compare=False)
    """`b=` by type; `AS` and `CT` are in kbit/s, `TIAS`, `RS` and `RR` in bit/s."""

    @classmethod
    def parse(cls, lines: Sequence[str]) -> Self:
        """Read the lines of one section; the first is its `m=` line.

        Raises:
            ProtocolError: 400, the `m=` line names no media or no format.
        """
        head = lines[0].lstrip()
        fields = head[2:].split()
        if not fields:
            raise ProtocolError("an m= line without a media type", where="SDP m= line")
        attributes = list(_attributes(lines))
        maps = dict(_rtpmaps(attributes))
        formats = tuple(fields[3:]) or tuple(str(payload_type) for payload_type in maps)
        if not formats:
            raise ProtocolError(f"no format in {_shown(head)!r}", where="SDP m= line")
        for payload_type in _payload_types(formats):
            if payload_type not in maps and payload_type in STATIC_PAYLOAD_TYPES:
                maps[payload_type] = STATIC_PAYLOAD_TYPES[payload_type]
        return cls(
            lines=tuple(lines),
            kind=fields[0].lower(),
            port=_number(fields[1].partition("/")[0]) or 0 if len(fields) > 1 else 0,
            protocol=fields[2] if len(fields) > 2 else "RTP/AVP",
            format_names=formats,
            control=_first_value(attributes, "control"),
            rtpmap=maps,
            fmtp=_fmtps(attributes),
            direction=next((name for name, _ in attributes if name in _DIRECTIONS), None),
            bandwidth=dict(_bandwidths(lines)),
        )

    @property
    def formats(self) -> tuple[int, ...]:
        """The payload types of the `m=` line; formats that are no payload type are left out."""
        return tuple(_payload_types(self.format_names))

    @property
    def encoding(self) -> str:
        """Upper-case name of what the first known payload type carries; empty where unknown."""
        chosen = self._chosen
        return chosen.encoding if chosen else ""

    @property
    def clock_rate_hz(self) -> int:
        """RTP timestamp units per second; 90,000 where nothing is said."""
        chosen = self._chosen
        return chosen.clock_rate_hz if chosen else _DEFAULT_CLOCK_RATE_HZ

    @property
    def _chosen(self) -> RtpMap | None:
        for payload_type in self.formats:
            if payload_type in self.rtpmap:
                return self.rtpmap[payload_type]
        # Some cameras number rtpmap and m= line differently; a lone rtpmap can mean only this one.
        return next(iter(self.rtpmap.values())) if len(self.rtpmap) == 1 else None

    @property
    def profile(self) -> str:
        """The transport of the `m=` line without the lower one, which SETUP settles: `RTP/AVP`."""
        return media_profile(self.protocol)

    @property
    def usable_formats(self) -> tuple[str, ...]:
        """The formats that readers can use: under RTP, those that are payload type numbers."""
        return payload_type_names(self.profile, self.format_names, self.rtpmap)

    @property
    def meaning(self) -> Mapping[str, object]:
        """What readers rely on, in a form that compares: two writings of it are equal."""
        return {
            "media type": self.kind,
            "transport": self.profile,
            "formats": self.usable_formats,
            "rtpmap": self._used(self.rtpmap),
            "fmtp": {
                payload_type: {
                    name: value.lower() if name in _IN_ANY_CASE else value
                    for name, value in parameters.items()
                }
                for payload_type, parameters in self._used(self.fmtp).items()
                if parameters
            },
        }

    def _used(self, by_payload_type: Mapping[int, _T]) -> Mapping[int, _T]:
        in_use = set(_payload_types(self.usable_formats))
        used = {number: value for number, value in by_payload_type.items() if number in in_use}
        # As in `_chosen`: rtpmap and m= line may be numbered differently.
        return used or by_payload_type

    def difference_from(self, other: "MediaDescription") -> str | None:
        """What of `other` readers of this section could not follow; None if they could.

        Compared is the `meaning`: kind, profile, payload types, what each of them carries, and its
        format parameters (with the codec's parameter sets) in any order.
        """
        theirs = other.meaning
        for what, mine in self.meaning.items():
            if mine != theirs[what]:
                return f"{what} was {_shown(mine)}, is {_shown(theirs[what])}"
        return None

    @property
    def section(self) -> MediaSection:
        """What `sdp_relay` writes again of this section."""
        return MediaSection(self.kind, self.profile, self.usable_formats, self.lines[1:])


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A presentation: the session's own lines and one `MediaDescription` per track."""

    lines: tuple[str, ...]
    """Session lines, before the first `m=`, as they came without line ends."""
    media: tuple[MediaDescription, ...]
    """The tracks in their order; never empty."""
    name: str = field(compare=False)
    """Value of `s=`, empty where there is none; bytes that are no UTF-8 are question marks."""
    control: str | None = field(compare=False)
    """Value of the session's `a=control`, None where there is none."""
    range_text: str | None = field(compare=False)
    """Value of the session's `a=range`, such as `npt=0-10`, None where there is none."""

    @classmethod
    def parse(cls, text: bytes | str) -> Self:
        """Read a description.

        Bytes that are no UTF-8 are kept and written again as they came.

        Raises:
            ProtocolError: 400, there is no readable `m=` line, none has a format that readers
                can use, or `text` cannot be encoded.
        """
        sections = _sections(_lines(text))
        session = tuple(sections[0])
        if len(sections) == 1:
            raise ProtocolError("no m= line in the session description", where="SDP")
        attributes = list(_attributes(session))
        media = tuple(MediaDescription.parse(section) for section in sections[1:])
        if not any(section.usable_formats for section in media):
            raise ProtocolError(
                f"no format in {_shown(media[0].lines[0])!r} is a payload type number",
                where="SDP m= line",
            )
        return cls(
            lines=session,
            media=media,
            name=_printable(next(iter(_typed(session, "s")), "s=").lstrip()[2:].strip()),
            control=_first_value(attributes, "control"),
            range_text=_first_value(attributes, "range"),
        )

    def relayed(self, *, address: str, name: str | None = None) -> bytes:
        """This description as a reader of ours gets it by DESCRIBE.

        Args:
            address: IP address of this server as the reader sees it, for the `o=` line.
            name: session name to give instead of the publisher's.
        """
        sections = [media.section for media in self.media]
        return relay_text(self.lines, sections, address=address, name=name).encode(
            errors="surrogateescape"
        )

    def multicast(
        self, endpoints: Sequence[MulticastEndpoint], *, address: str, name: str | None = None
    ) -> bytes:
        """This description for listeners of multicast groups.

        Args:
            endpoints: where each track is sent, in the order of `media`.
            address: as for `relayed`.
            name: as for `relayed`.

        Raises:
            ValueError: not one endpoint for each track.
        """
        sections = [media.section for media in self.media]
        return relay_text(
            self.lines, sections, address=address, name=name, endpoints=endpoints
        ).encode(errors="surrogateescape")

    def compatible_with(self, other: "SessionDescription") -> str | None:
        """Why `other` cannot go on where this left off; None if readers would not notice."""
        if len(self.media) != len(other.media):
            return f"number of tracks was {len(self.media)}, is {len(other.media)}"
        for index, (mine, theirs) in enumerate(zip(self.media, other.media, strict=True)):
            difference = mine.difference_from(theirs)
            if difference is not None:
                return f"track {index}: {difference}"
        return None


def _lines(text: bytes | str) -> list[str]:
    if isinstance(text, str):
        try:
            text = text.encode(errors="surrogateescape")
        except UnicodeEncodeError as error:
            message = "text that has no encoding"
            raise ProtocolError(message, offset=error.start, where="SDP") from None
    # RFC 4566 §5: parsers should take a lone newline; cameras also end with NUL or a lone CR.
    # NUL goes before the text is decoded: without it, bytes beside it may be one character.
    text = text.replace(b"\0", b"").removeprefix(codecs.BOM_UTF8).replace(b"\r", b"\n")
    decoded = text.decode(errors="surrogateescape")
    return [line for line in decoded.split("\n") if line and not line.isspace()]


def _sections(lines: Iterable[str]) -> list[list[str]]:
    sections: list[list[str]] = [[]]
    for line in lines:
        if line.lstrip().startswith("m="):
            sections.append([])
        sections[-1].append(line)
    return sections


def _typed(lines: Iterable[str], letter: str) -> Iterable[str]:
    return (line for line in lines if line.lstrip().startswith(letter + "="))


def _attributes(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in _typed(lines, "a"):
        name, _, value = line.lstrip()[2:].partition(":")
        yield name.strip().lower(), value


def _first_value(attributes: Iterable[tuple[str, str]], wanted: str) -> str | None:
    values = (value.strip() for name, value in attributes if name == wanted)
    return next((value for value in values if value), None)


def _rtpmaps(attributes: Iterable[tuple[str, str]]) -> Iterable[tuple[int, RtpMap]]:
    for name, value in attributes:
        match = _RTPMAP.match(value) if name == "rtpmap" else None
        if match is None:
            continue
        payload_type, encoding, clock_rate, channels = match.groups()
        yield (
            int(payload_type),
            RtpMap(
                encoding.upper(),
                int(clock_rate or 0) or _DEFAULT_CLOCK_RATE_HZ,
                int(channels or 0) or 1,
            ),
        )


def _fmtps(attributes: Iterable[tuple[str, str]]) -> dict[int, dict[str, str]]:
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


def _bandwidths(lines: Iterable[str]) -> Iterable[tuple[str, int]]:
    for line in _typed(lines, "b"):
        kind, _, value = line.lstrip()[2:].partition(":")
        number = _number(value.strip())
        if number is not None:
            yield kind.strip(), number


def _payload_types(formats: Iterable[str]) -> Iterable[int]:
    # RFC 3550 §5.1: the payload type has 7 bits.
    for text in formats:
        number = _number(text)
        if number is not None and number < 128:
            yield number


def _number(text: str) -> int | None:
    short_digits = len(text) <= 10 and text.isascii() and text.isdigit()
    return int(text) if short_digits else None


def _shown(value: object) -> str:
    text = _printable(str(value))
    return text if len(text) <= 80 else text[:80] + "…"


def _printable(text: str) -> str:
    # Bytes kept as lone surrogates can be neither logged nor put into JSON.
    return text.encode(errors="replace").decode()
