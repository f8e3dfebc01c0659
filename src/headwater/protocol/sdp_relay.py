"""Writing a publisher's description again for readers: addresses ours, all else as it came.

What changes, and nothing else:

* `v=`, `o=`, `c=` and the ports say that the media is to be had from this server by SETUP;
* `a=control` is ours: `*` for the session, `trackID=N` for track N;
* attributes about the publisher's own transport go (`a=rtcp`, `a=rtcp-mux`, `a=source-filter`);
* `a=sendonly`, the publisher's view, becomes the reader's `a=recvonly`: GStreamer's rtspsrc takes
  a `sendonly` track for a back channel and does not play it;
* lines come in the order of RFC 4566 §5, with those that must be there; what is no `x=` line goes:
  strict readers refuse the whole description otherwise.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LINE = re.compile(r"[a-z]=")
_SESSION_ORDER = {letter: rank for rank, letter in enumerate("vosiuepcb")}
# t= and its r= and z= belong together and stay in the order they came in.
_SESSION_ORDER |= {"t": 9, "r": 9, "z": 9, "k": 10, "a": 11}
_MEDIA_ORDER = {letter: rank for rank, letter in enumerate("icbka")}
_OURS = frozenset("voc")
_ONCE = frozenset("siu")
_TRANSPORT_ATTRIBUTES = frozenset({"control", "rtcp", "rtcp-mux", "source-filter"})
_LARGEST_VERSION = 2**63 - 1


@dataclass(frozen=True, slots=True)
class MulticastEndpoint:
    """Where one track is sent by multicast."""

    group: str
    """Group address, IPv4 or IPv6."""
    port: int
    """UDP port of RTP; RTCP is one above."""
    ttl: int
    """Hops; written for IPv4 only, an IPv6 address has its scope (RFC 4566 §5.7)."""


@dataclass(frozen=True, slots=True)
class MediaSection:
    """What is written again of one `m=` section."""

    kind: str
    protocol: str
    formats: tuple[str, ...]
    lines: tuple[str, ...]
    """The lines after the `m=` line."""


def relay_text(
    session_lines: Iterable[str],
    sections: Sequence[MediaSection],
    *,
    address: str,
    name: str | None = None,
    endpoints: Sequence[MulticastEndpoint] | None = None,
) -> str:
    """Write a description with lines ended by CR LF, the last one too.

    Args:
        session_lines: the publisher's lines before the first `m=`.
        sections: its tracks.
        address: IP address for `o=`.
        name: session name to give instead of the publisher's.
        endpoints: one per track for multicast; None for unicast.

    Raises:
        ValueError: the number of endpoints is not the number of tracks.
    """
    if endpoints is not None and len(endpoints) != len(sections):
        message = f"{len(endpoints)} multicast endpoints for {len(sections)} tracks"
        raise ValueError(message)
    came = [*_readable(session_lines)]
    # Session lines that stand after an m= line are misplaced, as some cameras do with t=.
    came += (line for section in sections for line in _readable(section.lines) if _strayed(line))
    lines = _session(came, address, name, unicast=endpoints is None)
    for index, section in enumerate(sections):
        lines += _media(section, index, endpoints[index] if endpoints is not None else None)
    return "".join(f"{line}\r\n" for line in lines)


def _session(came: Sequence[str], address: str, name: str | None, *, unicast: bool) -> list[str]:
    family = "IP6" if ":" in address else "IP4"
    kept = ["v=0", f"o=- {_version(came)} IN {family} {address}"]
    if name is not None:
        kept.append(f"s={name}")
    if unicast:
        # RFC 2326 §C.1.7: the address of unicast media is a suitable null value.
        kept.append(f"c=IN {family} {'::' if family == 'IP6' else '0.0.0.0'}")
    written = {line[0] for line in kept}
    for line in came:
        letter = line[0]
        if letter in _OURS or (letter in _ONCE and letter in written):
            continue
        attribute = _for_reader(line)
        # RFC 4566 §5.3: the session name MUST NOT be empty.
        if attribute is not None and line.rstrip() != "s=":
            kept.append(attribute)
            written.add(letter)
    kept += [line for line in ("s=-", "t=0 0") if line[0] not in written]
    kept.append("a=control:*")
    return sorted(kept, key=lambda line: _SESSION_ORDER.get(line[0], len(_SESSION_ORDER)))


def _media(section: MediaSection, index: int, endpoint: MulticastEndpoint | None) -> list[str]:
    port = endpoint.port if endpoint is not None else 0
    kept = [] if endpoint is None else [_connection(endpoint)]
    for line in _readable(section.lines):
        attribute = None if line[0] in _OURS or _strayed(line) else _for_reader(line)
        if attribute is not None:
            kept.append(attribute)
    kept.append(f"a=control:trackID={index}")
    kept.sort(key=lambda line: _MEDIA_ORDER.get(line[0], len(_MEDIA_ORDER)))
    return [f"m={section.kind} {port} {section.protocol} {' '.join(section.formats)}", *kept]


def _connection(endpoint: MulticastEndpoint) -> str:
    if ":" in endpoint.group:
        return f"c=IN IP6 {endpoint.group}"
    return f"c=IN IP4 {endpoint.group}/{endpoint.ttl}"


def _readable(lines: Iterable[str]) -> Iterable[str]:
    return (line for line in map(str.lstrip, lines) if _LINE.match(line))


def _strayed(line: str) -> bool:
    return line[0] in _SESSION_ORDER and line[0] not in _MEDIA_ORDER


def _for_reader(line: str) -> str | None:
    if line[0] != "a":
        return line
    name = line[2:].partition(":")[0].strip().lower()
    if name == "sendonly":
        return "a=recvonly"
    return None if name in _TRANSPORT_ATTRIBUTES else line


def _version(came: Iterable[str]) -> str:
    """The publisher's session id and version where strict readers can hold them."""
    origin = next((line for line in came if line.startswith("o=")), "")
    # Counted from the end: a user name with blanks has been seen in the field.
    numbers = origin.partition(" IN")[0].split()[-2:]
    fits = len(numbers) == 2 and all(
        number.isascii()
        and number.isdigit()
        and len(number) <= 19
        and int(number) <= _LARGEST_VERSION
        for number in numbers
    )
    return " ".join(numbers) if fits else "0 0"
