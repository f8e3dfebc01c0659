"""Writing a publisher's description again for readers of a live mount.

What changes, and nothing else:

* `v=`, `o=`, `c=`, `t=`, the ports and the transport of the `m=` line say that the media is live
  and to be had from this server by SETUP;
* `a=control` is ours: `*` for the session, `trackID=N` for track N;
* lines that are true of the publisher's own connection alone, or that strict readers refuse, go or
  are put right, each by its rule in `sdp_line_for_readers`;
* under RTP a format is a payload type number. A track without one, in its `m=` line and its
  `a=rtpmap`, is left out: nobody could play it, and strict readers refuse the whole description;
* lines come in the order of RFC 4566 §5, with those that must be there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from headwater.protocol.sdp_line_for_readers import line_for_readers

_SESSION_ORDER = {letter: rank for rank, letter in enumerate("vosiuepcbtka")}
_MEDIA_ORDER = {letter: rank for rank, letter in enumerate("icbka")}
_ONCE = frozenset("siu")
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
    """What is written again of one `m=` section.

    Attributes:
        kind: media type of the `m=` line.
        profile: its transport, without how the publisher's own packets travel.
        formats: its formats that readers can use; a section without any is left out.
        lines: the lines after the `m=` line.
    """

    kind: str
    profile: str
    formats: tuple[str, ...]
    lines: tuple[str, ...]


@lru_cache(maxsize=128)
def reader_controls(tracks: int) -> tuple[str, ...]:
    """Return the controls of a presentation of so many tracks, in their order."""
    return tuple([reader_control(track) for track in range(tracks)])


def reader_control(track: int) -> str:
    """Return the `a=control` by which readers know a track, whatever its publisher calls it."""
    return f"trackID={track}"


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
    came = [*_for_readers(session_lines)]
    # Session lines that stand after an m= line are misplaced, as some cameras do with u=.
    came += (line for section in sections for line in _for_readers(section.lines) if _strayed(line))
    lines = _session(session_lines, came, address, name, unicast=endpoints is None)
    for index, section in enumerate(sections):
        if section.formats:
            lines += _media(section, index, endpoints[index] if endpoints is not None else None)
    return "".join(f"{line}\r\n" for line in lines)


def _session(
    lines: Iterable[str], came: Iterable[str], address: str, name: str | None, *, unicast: bool
) -> list[str]:
    family = "IP6" if ":" in address else "IP4"
    kept = ["v=0", f"o=- {_version(lines)} IN {family} {address}", "t=0 0"]
    if name is not None:
        kept.append(f"s={name}")
    if unicast:
        # RFC 2326 §C.1.7: the address of unicast media is a suitable null value.
        kept.append(f"c=IN {family} {'::' if family == 'IP6' else '0.0.0.0'}")
    written = {line[0] for line in kept}
    for line in came:
        if line[0] not in _ONCE or line[0] not in written:
            kept.append(line)
            written.add(line[0])
    if "s" not in written:
        # RFC 4566 §5.3: there MUST be a session name.
        kept.append("s=-")
    kept.append("a=control:*")
    return sorted(kept, key=lambda line: _SESSION_ORDER[line[0]])


def _media(section: MediaSection, index: int, endpoint: MulticastEndpoint | None) -> list[str]:
    port = endpoint.port if endpoint is not None else 0
    kept = [] if endpoint is None else [_connection(endpoint)]
    kept += (line for line in _for_readers(section.lines) if not _strayed(line))
    kept.append(f"a=control:{reader_control(index)}")
    kept.sort(key=lambda line: _MEDIA_ORDER[line[0]])
    return [f"m={section.kind} {port} {section.profile} {' '.join(section.formats)}", *kept]


def _connection(endpoint: MulticastEndpoint) -> str:
    if ":" in endpoint.group:
        return f"c=IN IP6 {endpoint.group}"
    return f"c=IN IP4 {endpoint.group}/{endpoint.ttl}"


def _for_readers(lines: Iterable[str]) -> Iterable[str]:
    return (line for came in lines if (line := line_for_readers(came)) is not None)


def _strayed(line: str) -> bool:
    return line[0] not in _MEDIA_ORDER


def _version(came: Iterable[str]) -> str:
    """Return the publisher's session id and version where strict readers can hold them."""
    origin = next((line for line in map(str.lstrip, came) if line.startswith("o=")), "")
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
