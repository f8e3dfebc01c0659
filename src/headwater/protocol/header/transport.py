"""Transport: how the media of one track travels (RFC 2326 §12.39)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.parameters import split_quoted, unquoted
from headwater.protocol.quirks import (
    port_of_partner,
    ports_are_absent,
    transport_mode,
    transport_ssrc,
)

_PROFILE = re.compile(r"(RTP/S?AVPF?)(?:/(UDP|TCP))?", re.IGNORECASE)
_PAIR = re.compile(r"([0-9]{1,5})(?:\s*-\s*([0-9]{1,5})?)?")
_ADDRESS = re.compile(r"[^\s\",;]*")
_TTL = re.compile(r"[0-9]{1,3}")
# What nearly all players ask for, each with ports of its own.
_USUAL = re.compile(
    r"RTP/AVP(?:/UDP)?;unicast;client_port=([1-9][0-9]{0,4})-([1-9][0-9]{0,4})", re.ASCII
)
_LONGEST_REMEMBERED = 256
_MOST_PORT = 65_535
_WHERE = "Transport"


class LowerTransport(StrEnum):
    """What carries RTP: datagrams, or the RTSP connection itself."""

    UDP = "UDP"
    TCP = "TCP"


_LOWER = {lower.value: lower for lower in LowerTransport}


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSpec:
    """One alternative of a Transport header.

    Attributes:
        profile: "RTP/AVP", "RTP/AVPF", "RTP/SAVP" or "RTP/SAVPF".
        lower: UDP, or TCP for frames inside the RTSP connection.
        unicast: False for multicast. RFC 2326 makes multicast the default, yet every client
            that leaves the word out means unicast.
        interleaved: channels of RTP and RTCP, 0 to 255.
        client_port: the client's ports of RTP and RTCP.
        server_port: the server's.
        port: the group's ports, for multicast.
        ttl: hops of a multicast packet.
        destination: address to which the media goes.
        source: address from which it comes.
        ssrc: synchronisation source of the sender.
        mode: "PLAY" or "RECORD"; None when not said, which means PLAY.
        append: a recording is to be appended to.
        extra: parameters unknown here, as they came.
    """

    profile: str = "RTP/AVP"
    lower: LowerTransport = LowerTransport.UDP
    unicast: bool = True
    interleaved: tuple[int, int] | None = None
    client_port: tuple[int, int] | None = None
    server_port: tuple[int, int] | None = None
    port: tuple[int, int] | None = None
    ttl: int | None = None
    destination: str | None = None
    source: str | None = None
    ssrc: int | None = None
    mode: str | None = None
    append: bool = False
    extra: tuple[str, ...] = ()

    def to_header(self) -> str:
        """Return the alternative as header text."""
        text = self.profile if self.lower is LowerTransport.UDP else f"{self.profile}/TCP"
        text += ";unicast" if self.unicast else ";multicast"
        if self.destination is not None:
            text += f";destination={self.destination}"
        if self.source is not None:
            text += f";source={self.source}"
        if (pair := self.interleaved) is not None:
            text += f";interleaved={pair[0]}-{pair[1]}"
        if (pair := self.client_port) is not None:
            text += f";client_port={pair[0]}-{pair[1]}"
        if (pair := self.server_port) is not None:
            text += f";server_port={pair[0]}-{pair[1]}"
        if (pair := self.port) is not None:
            text += f";port={pair[0]}-{pair[1]}"
        if self.ttl is not None:
            text += f";ttl={self.ttl}"
        if self.ssrc is not None:
            text += f";ssrc={self.ssrc:08X}"
        if self.mode is not None:
            text += f';mode="{self.mode}"'
        if self.append:
            text += ";append"
        return ";".join((text, *self.extra)) if self.extra else text


def parse_transport(value: str) -> list[TransportSpec]:
    """Return the alternatives of a Transport header in the client's order of preference.

    Alternatives of unknown protocols are skipped; an empty list means that none was understood
    (461). Parameters may come in any order, the protocol among them; one with nothing behind its
    equals sign is as if it were not there.

    Raises:
        ProtocolError: 400, when no alternative is left because a known one is malformed.
    """
    # A player that asks for channels, or for the ports that its machine gives it first, writes the
    # same each time.
    parse = _remembered if len(value) <= _LONGEST_REMEMBERED else _parsed
    return [*parse(value)]


def _parsed(value: str) -> tuple[TransportSpec, ...]:
    if usual := _USUAL.fullmatch(value):
        first, second = int(usual[1]), int(usual[2])
        if first != second and first <= _MOST_PORT and second <= _MOST_PORT:
            return (TransportSpec(client_port=(first, second)),)
    specs: list[TransportSpec] = []
    malformed: ProtocolError | None = None
    for alternative in split_quoted(value, ","):
        try:
            spec = _parse_alternative(split_quoted(alternative, ";"))
        except ProtocolError as error:
            malformed = malformed or error
            continue
        if spec is not None:
            specs.append(spec)
    if not specs and malformed is not None:
        raise malformed
    return tuple(specs)


_remembered = lru_cache(maxsize=64)(_parsed)


def parse_answered_transport(value: str) -> list[TransportSpec]:
    """Return the alternatives of the Transport header of an answer, of which one is usual.

    What cannot be read counts as not there, since a server's other parameters still say where media
    travels. An answer that names no protocol means RTP/AVP; alternatives of unknown protocols are
    skipped.
    """
    specs = (
        _parse_alternative(split_quoted(alternative, ";"), is_answer=True)
        for alternative in split_quoted(value, ",")
    )
    return [spec for spec in specs if spec is not None]


def format_transport(specs: Iterable[TransportSpec]) -> str:
    """Return alternatives as one header value."""
    return ",".join(spec.to_header() for spec in specs)


def _parse_alternative(parameters: list[str], *, is_answer: bool = False) -> TransportSpec | None:
    fields: dict[str, Any] = {}
    extra: list[str] = []
    for parameter in parameters:
        name, _, raw = parameter.partition("=")
        name = name.strip().lower()
        if "profile" not in fields and (match := _PROFILE.fullmatch(parameter)):
            fields["profile"] = match[1].upper()
            fields["lower"] = _LOWER[(match[2] or "UDP").upper()]
        elif name in ("unicast", "multicast"):
            fields["unicast"] = name == "unicast"
        elif name in _READERS:
            try:
                if (value := unquoted(raw)) or name == "append":
                    fields[name] = _READERS[name](name, value)
            except ProtocolError:
                if not is_answer:
                    raise
        else:
            extra.append(parameter)
    if is_answer and not any("/" in one and "=" not in one for one in extra):
        fields.setdefault("profile", "RTP/AVP")
    return TransportSpec(**fields, extra=tuple(extra)) if "profile" in fields else None


def _pair(name: str, value: str, *, maximum: int) -> tuple[int, int]:
    match = _PAIR.fullmatch(value)
    if match is None:
        raise ProtocolError(f"{name}={value} is not a pair of numbers", where=_WHERE)
    first = int(match[1])
    second = int(match[2]) if match[2] else port_of_partner(first)
    if first == second or max(first, second) > maximum:
        raise ProtocolError(f"{name}={value} must be two numbers up to {maximum}", where=_WHERE)
    return first, second


def _channels(name: str, value: str) -> tuple[int, int]:
    return _pair(name, value, maximum=255)


def _ports(name: str, value: str) -> tuple[int, int] | None:
    match = _PAIR.fullmatch(value)
    if match and ports_are_absent(int(match[1]), int(match[2] or 0)):
        return None
    pair = _pair(name, value, maximum=_MOST_PORT)
    if 0 in pair:
        raise ProtocolError(f"{name}={value}: there is no port 0", where=_WHERE)
    return pair


def _ttl(name: str, value: str) -> int:
    if not _TTL.fullmatch(value) or int(value) > 255:
        raise ProtocolError(f"{name}={value} must be 0 to 255", where=_WHERE)
    return int(value)


def _address(name: str, value: str) -> str | None:
    # Quotes may hide separators, which would part the value once it is written again.
    if not _ADDRESS.fullmatch(value):
        raise ProtocolError(f"{name} is not an address", where=_WHERE)
    return value or None


_READERS: dict[str, Callable[[str, str], Any]] = {
    "interleaved": _channels,
    "client_port": _ports,
    "server_port": _ports,
    "port": _ports,
    "ttl": _ttl,
    "destination": _address,
    "source": _address,
    "ssrc": lambda _, value: transport_ssrc(value),
    "mode": lambda _, value: transport_mode(value),
    "append": lambda _name, _value: True,
}
