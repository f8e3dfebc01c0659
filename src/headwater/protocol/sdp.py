"""Session descriptions as publishers and cameras really send them (RFC 4566, RFC 2326 appendix C).

Reading is liberal: line feeds alone, empty lines, missing or misplaced session lines, odd spacing
and bytes that are no UTF-8 are taken as they come. Every line is kept, and writing (`relayed`,
`multicast`) changes only what says where the media is found; see `sdp_relay`.
"""

import codecs
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self, TypeVar

from headwater.protocol.errors import LimitExceeded, ProtocolError
from headwater.protocol.quirks import media_profile, payload_type_names
from headwater.protocol.sdp_lines import (
    DEFAULT_CLOCK_RATE_HZ,
    LONGEST_NAME,
    Pairs,
    RtpMap,
    attributes_of,
    bandwidths,
    connection_address,
    first_value,
    fmtps,
    head_fields,
    number_of,
    payload_types,
    rtpmaps,
    typed,
    with_static_types,
)
from headwater.protocol.sdp_relay import MediaSection, MulticastEndpoint, relay_text
from headwater.protocol.wire_limits import DescriptionLimits

_T = TypeVar("_T")

__all__ = ["MediaDescription", "MulticastEndpoint", "RtpMap", "SessionDescription"]

_LIMITS = DescriptionLimits()
_LONGEST_CONTROL = 4_096
"""Longer than any request URI that asks for the track."""
_DIRECTIONS = frozenset({"sendonly", "recvonly", "sendrecv", "inactive"})
# Format parameters whose values mean the same in any case (RFC 6184 §8.1, RFC 3640 §4.1).
_IN_ANY_CASE = frozenset({"profile-level-id", "config", "mode"})


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """One `m=` section: the description of one track.

    `raw` is the truth, as it came; all else is read from it, most of it when it is asked for, and
    two sections are equal when their bytes are.
    """

    raw: bytes
    """The section from `m=` on, a line feed between two lines."""
    kind: str = field(compare=False)
    """`video`, `audio`, `application` …, in lower case."""
    port: int = field(compare=False)
    """The port of the `m=` line, 0 where it is none."""
    protocol: str = field(compare=False)
    """The transport of the `m=` line, such as `RTP/AVP`."""
    control: str | None = field(compare=False)
    """Value of `a=control`, None where there is none, or one longer than any URI."""
    encoding: str = field(compare=False)
    """Upper-case name of what the first known payload type carries; empty where unknown."""
    clock_rate_hz: int = field(compare=False)
    """RTP timestamp units per second; 90,000 where nothing is said."""

    @classmethod
    def parse(cls, lines: Sequence[str], *, limits: DescriptionLimits = _LIMITS) -> Self:
        """Read the lines of one section; the first is its `m=` line.

        Raises:
            ProtocolError: 400, the `m=` line names no media or no format.
            LimitExceeded: 413, there are too many formats or format parameters.
        """
        head = lines[0].lstrip()
        fields = head_fields(head)
        if not fields:
            raise ProtocolError("no media type", where="an m= line of the SDP")
        attributes = list(attributes_of(lines))
        _check_items(fields[3:], attributes, limits.max_items)
        maps = with_static_types(fields[3:], dict(rtpmaps(attributes)))
        formats = fields[3:] or [str(payload_type) for payload_type in maps]
        if not formats:
            raise ProtocolError("no format", where=f"the SDP's m= line {_shown(head)!r}")
        chosen = _chosen(payload_types(formats), maps)
        control = first_value(attributes, "control")
        return cls(
            raw=_raw(lines),
            kind=fields[0].lower()[:LONGEST_NAME],
            port=number_of(fields[1].partition("/")[0]) or 0 if len(fields) > 1 else 0,
            protocol=fields[2][:LONGEST_NAME] if len(fields) > 2 else "RTP/AVP",
            control=control if control and len(control) <= _LONGEST_CONTROL else None,
            encoding=chosen.encoding if chosen else "",
            clock_rate_hz=chosen.clock_rate_hz if chosen else DEFAULT_CLOCK_RATE_HZ,
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """The section's lines from `m=` on, without line ends."""
        return _decoded_lines(self.raw)

    @property
    def format_names(self) -> tuple[str, ...]:
        """The formats of the `m=` line as text; where it has none, those of `a=rtpmap`."""
        return self._formats_and_maps()[0]

    @property
    def rtpmap(self) -> Mapping[int, RtpMap]:
        """By payload type; statically assigned ones (RFC 3551 §6) are filled in."""
        return self._formats_and_maps()[1]

    def _formats_and_maps(self) -> tuple[tuple[str, ...], dict[int, RtpMap]]:
        lines = self.lines
        named = head_fields(lines[0])[3:]
        maps = dict(rtpmaps(attributes_of(lines)))
        formats = tuple(named) or tuple(str(payload_type) for payload_type in maps)
        return formats, with_static_types(named, maps)

    @property
    def fmtp(self) -> Mapping[int, Mapping[str, str]]:
        """Format parameters by payload type; names in lower case, values as they came."""
        return fmtps(attributes_of(self.lines))

    @property
    def rtcp_feedback(self) -> frozenset[str]:
        """What the publisher understands (`a=rtcp-fb`, RFC 4585 §4.2) of any payload type.

        In lower case, such as `nack pli` and `ccm fir`.
        """
        if b"rtcp-fb" not in self.raw.lower():
            return frozenset()
        return frozenset(
            " ".join(value.lower().split()[1:])
            for name, value in attributes_of(self.lines)
            if name == "rtcp-fb"
        )

    @property
    def direction(self) -> str | None:
        """`sendonly`, `recvonly`, `sendrecv` or `inactive`, where one is given."""
        return next((name for name, _ in attributes_of(self.lines) if name in _DIRECTIONS), None)

    @property
    def connection_address(self) -> str | None:
        """The address of the section's `c=` line, such as a group; None where there is none."""
        return connection_address(self.lines)

    @property
    def bandwidth(self) -> Mapping[str, int]:
        """`b=` by type; `AS` and `CT` are in kbit/s, `TIAS`, `RS` and `RR` in bit/s."""
        return dict(bandwidths(self.lines))

    @property
    def formats(self) -> tuple[int, ...]:
        """The payload types of the `m=` line; formats that are no payload type are left out."""
        return tuple(payload_types(self.format_names))

    @property
    def profile(self) -> str:
        """The transport of the `m=` line without the lower one, which SETUP settles: `RTP/AVP`."""
        return media_profile(self.protocol)

    @property
    def usable_formats(self) -> tuple[str, ...]:
        """The formats that readers can use: under RTP, those that are payload type numbers."""
        return payload_type_names(self.profile, *self._formats_and_maps())

    @property
    def meaning(self) -> Mapping[str, object]:
        """What readers rely on, in a form that compares: two writings of it are equal."""
        formats, maps = self._formats_and_maps()
        usable = payload_type_names(self.profile, formats, maps)
        in_use = frozenset(payload_types(usable))
        return {
            "media type": self.kind,
            "transport": self.profile,
            "formats": usable,
            "rtpmap": _used(maps, in_use),
            "fmtp": {
                payload_type: {
                    name: value.lower() if name in _IN_ANY_CASE else value
                    for name, value in parameters.items()
                }
                for payload_type, parameters in _used(self.fmtp, in_use).items()
                if parameters
            },
        }

    def difference_from(
        self, other: "MediaDescription", *, same_encoder: bool = True
    ) -> str | None:
        """Return what of `other` readers of this section could not follow; None if they could.

        Compared is the `meaning`: kind, profile, payload types, what each of them carries, and its
        format parameters (with the codec's parameter sets) in any order. Without `same_encoder`
        those of pictures may differ: encoders send their parameter sets with each key frame.
        """
        theirs = other.meaning
        for what, mine in self.meaning.items():
            if what == "fmtp" and self.kind == "video" and not same_encoder:
                continue
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

    raw: bytes
    """The session's part, before the first `m=`, as it came, a line feed between two lines."""
    media: tuple[MediaDescription, ...]
    """The tracks in their order; never empty."""

    @classmethod
    def parse(cls, text: bytes | str, *, limits: DescriptionLimits = _LIMITS) -> Self:
        """Read a description.

        Bytes that are no UTF-8 are kept and written again as they came.

        Raises:
            ProtocolError: 400, there is no readable `m=` line, none has a format that readers
                can use, or `text` cannot be encoded.
            LimitExceeded: 413, it is beyond one of the limits.
        """
        sections = _sections(_lines(text, limits.max_lines))
        tracks = len(sections) - 1
        if not tracks:
            raise ProtocolError("no m= line", where="the SDP")
        if tracks > limits.max_tracks:
            raise LimitExceeded(
                f"{tracks} tracks are announced; {limits.max_tracks} are taken", limit="max_tracks"
            )
        media = tuple(MediaDescription.parse(section, limits=limits) for section in sections[1:])
        if not any(section.usable_formats for section in media):
            raise ProtocolError(
                "no format that is a payload type number",
                where=f"the SDP's m= line {_shown(sections[1][0])!r}",
            )
        return cls(raw=_raw(sections[0]), media=media)

    @property
    def size_bytes(self) -> int:
        """How much was sent and is kept."""
        return len(self.raw) + sum(len(section.raw) for section in self.media)

    @property
    def lines(self) -> tuple[str, ...]:
        """Session lines, before the first `m=`, as they came without line ends."""
        return _decoded_lines(self.raw)

    @property
    def name(self) -> str:
        """Value of `s=`, empty where there is none; bytes that are no UTF-8 are question marks."""
        return _printable(next(iter(typed(self.lines, "s")), "s=").lstrip()[2:].strip())

    @property
    def connection_address(self) -> str | None:
        """The address of the session's `c=` line; None where there is none."""
        return connection_address(self.lines)

    @property
    def control(self) -> str | None:
        """Value of the session's `a=control`, None where there is none."""
        return first_value(attributes_of(self.lines), "control")

    @property
    def range_text(self) -> str | None:
        """Value of the session's `a=range`, such as `npt=0-10`, None where there is none."""
        return first_value(attributes_of(self.lines), "range")

    def relayed(self, *, address: str, name: str | None = None) -> bytes:
        """Return this description as a reader of ours gets it by DESCRIBE.

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
        """Return this description for listeners of multicast groups.

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

    def compatible_with(
        self, other: "SessionDescription", *, same_encoder: bool = True
    ) -> str | None:
        """Return why `other` cannot go on where this left off; None if readers would not notice.

        `same_encoder` is that of `MediaDescription.difference_from`.
        """
        if len(self.media) != len(other.media):
            return f"number of tracks was {len(self.media)}, is {len(other.media)}"
        for index, (mine, theirs) in enumerate(zip(self.media, other.media, strict=True)):
            difference = mine.difference_from(theirs, same_encoder=same_encoder)
            if difference is not None:
                return f"track {index}: {difference}"
        return None


def _lines(text: bytes | str, most: int) -> list[str]:
    if isinstance(text, str):
        try:
            text = text.encode(errors="surrogateescape")
        except UnicodeEncodeError as error:
            message = "text that has no encoding"
            raise ProtocolError(message, offset=error.start, where="the SDP") from None
    # RFC 4566 §5: parsers should take a lone newline; cameras also end with NUL or a lone CR.
    # NUL goes before the text is decoded: without it, bytes beside it may be one character.
    text = text.replace(b"\0", b"").removeprefix(codecs.BOM_UTF8)
    count = text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
    if count > most:
        raise LimitExceeded(f"the SDP has {count} lines; {most} are taken", limit="max_lines")
    text = text.replace(b"\r", b"\n")
    decoded = text.decode(errors="surrogateescape")
    return [line for line in decoded.split("\n") if line and not line.isspace()]


def _raw(lines: Sequence[str]) -> bytes:
    return "\n".join(lines).encode(errors="surrogateescape")


def _decoded_lines(raw: bytes) -> tuple[str, ...]:
    return tuple(raw.decode(errors="surrogateescape").split("\n")) if raw else ()


def _check_items(formats: Sequence[str], attributes: Pairs, most: int) -> None:
    parameters = sum(value.count(";") + 1 for name, value in attributes if name == "fmtp")
    count = len(formats) + parameters
    if count > most:
        raise LimitExceeded(
            f"a track of the SDP has {count} formats and format parameters; {most} are taken",
            limit="max_items",
        )


def _used(by_payload_type: Mapping[int, _T], in_use: frozenset[int]) -> Mapping[int, _T]:
    used = {number: value for number, value in by_payload_type.items() if number in in_use}
    # Some cameras number rtpmap and m= line differently.
    return used or by_payload_type


def _chosen(payload_types: Iterable[int], maps: Mapping[int, RtpMap]) -> RtpMap | None:
    for payload_type in payload_types:
        if payload_type in maps:
            return maps[payload_type]
    # Some cameras number rtpmap and m= line differently; a lone rtpmap can mean only this one.
    return next(iter(maps.values())) if len(maps) == 1 else None


def _sections(lines: Iterable[str]) -> list[list[str]]:
    sections: list[list[str]] = [[]]
    for line in lines:
        if line.lstrip().startswith("m="):
            sections.append([])
        sections[-1].append(line)
    return sections


def _shown(value: object) -> str:
    text = _printable(str(value))
    return text if len(text) <= 80 else text[:80] + "…"


def _printable(text: str) -> str:
    # Bytes kept as lone surrogates can be neither logged nor put into JSON.
    return text.encode(errors="replace").decode()
