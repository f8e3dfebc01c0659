"""The offer of a browser or encoder: what of it a server needs (RFC 8829, RFC 9725)."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.protocol.errors import ProtocolError
from headwater.protocol.sdp import MediaDescription, SessionDescription
from headwater.protocol.sdp_lines import Pairs, attributes_of, first_value
from headwater.protocol.wire_limits import DescriptionLimits

_LIMITS = DescriptionLimits()
_HASHES = frozenset({"sha-256", "sha-384", "sha-512"})
_LONGEST_ICE = 256
"""Characters of a fragment or password (RFC 8839 §5.4)."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One way to carry media that is offered.

    Attributes:
        payload_type: its number in this offer.
        encoding: its name in upper case.
        clock_rate_hz: units of its timestamps in a second.
        channels: of sound.
        parameters: of its `a=fmtp`, names in lower case.
    """

    payload_type: int
    encoding: str
    clock_rate_hz: int
    channels: int
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class OfferedSection:
    """One `m=` section.

    Attributes:
        mid: what the answer calls it.
        kind: `video`, `audio` …
        protocol: the transport of its `m=` line.
        formats: the formats of its `m=` line as text.
        codecs: what is offered, the most wanted first.
        direction: `sendrecv` unless it says otherwise.
        rejected: its port is 0, and it is in no bundle.
        feedback: what is understood of any payload type, such as `nack pli`.
    """

    mid: str
    kind: str
    protocol: str
    formats: tuple[str, ...]
    codecs: tuple[Codec, ...]
    direction: str
    rejected: bool
    feedback: frozenset[str]


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer in what an ICE-lite server needs of it.

    Attributes:
        ufrag: the peer's fragment, which its STUN requests name.
        fingerprints: of the peer's certificate, by hash: upper-case hex with colons.
        sections: its `m=` sections, in order.
        bundled: the mids that may share one transport.
    """

    ufrag: str
    fingerprints: dict[str, str]
    sections: tuple[OfferedSection, ...]
    bundled: tuple[str, ...]

    @classmethod
    def parse(cls, text: bytes, *, limits: DescriptionLimits = _LIMITS) -> "Offer":
        """Read an offer.

        ICE, fingerprint and role may stand in the session's part or in each section: OBS has them
        in the first, browsers in the second.

        Raises:
            ProtocolError: 400, what is missing or cannot be used.
            LimitExceeded: 413, it is beyond one of the limits.
        """
        described = SessionDescription.parse(text, limits=limits)
        session = list(attributes_of(described.lines))
        media = [(each, list(attributes_of(each.lines))) for each in described.media]
        attributes = [session, *(own for _, own in media)]
        ufrag = _required(attributes, "ice-ufrag")
        _required(attributes, "ice-pwd")
        role = _first(attributes, "setup") or "actpass"
        if role == "passive":
            raise _unusable("a=setup:passive: the server is passive itself; offer actpass")
        return cls(
            ufrag=ufrag,
            fingerprints=_fingerprints(attributes),
            sections=tuple(_section(each, own, index) for index, (each, own) in enumerate(media)),
            bundled=_bundled(session),
        )


def _section(media: MediaDescription, attributes: Pairs, index: int) -> OfferedSection:
    maps, parameters = media.rtpmap, media.fmtp
    codecs = [
        Codec(
            number,
            maps[number].encoding,
            maps[number].clock_rate_hz,
            maps[number].channels,
            {
                name: value
                for name, value in parameters.get(number, {}).items()
                if _is_plain(name) and _is_plain(value)
            },
        )
        for number in media.formats
        if number in maps and _is_plain(maps[number].encoding)
    ]
    return OfferedSection(
        mid=_token(first_value(attributes, "mid") or str(index)),
        kind=_token(media.kind),
        protocol=_token(media.protocol),
        formats=tuple(map(_token, media.format_names)),
        codecs=tuple(codecs),
        direction=media.direction or "sendrecv",
        rejected=media.port == 0 and all(name != "bundle-only" for name, _ in attributes),
        feedback=media.rtcp_feedback,
    )


def _fingerprints(attributes: Sequence[Pairs]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pairs in attributes:
        for name, value in pairs:
            if name == "fingerprint":
                words = value.split()
                if len(words) == 2 and words[0].lower() in _HASHES:
                    found.setdefault(words[0].lower(), words[1].upper())
    if not found:
        raise _unusable("it has no a=fingerprint of sha-256, sha-384 or sha-512")
    return found


def _bundled(session: Pairs) -> tuple[str, ...]:
    groups = (value.split() for name, value in session if name == "group")
    return next((tuple(words[1:]) for words in groups if words[:1] == ["BUNDLE"]), ())


def _required(attributes: Sequence[Pairs], name: str) -> str:
    value = _first(attributes, name)
    if not value:
        raise _unusable(f"it has no a={name}")
    if len(value) > _LONGEST_ICE:
        raise _unusable(f"a={name} has {len(value)} characters; {_LONGEST_ICE} are allowed")
    return value


def _first(attributes: Sequence[Pairs], name: str) -> str | None:
    values = (first_value(pairs, name) for pairs in attributes)
    return next((value.strip() for value in values if value), None)


def _token(text: str) -> str:
    """Return a word of the offer that the answer repeats; raise where a line could be forged."""
    if not _is_plain(text) or " " in text:
        raise _unusable("a word of it holds characters that no token has")
    return text


def _is_plain(text: str) -> bool:
    """Return whether a text can stand in the answer as it is."""
    return text.isascii() and text.isprintable()


def _unusable(what: str) -> ProtocolError:
    return ProtocolError(f"the SDP offer cannot be used: {what}")
