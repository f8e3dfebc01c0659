"""Which mount and which track a request URI means.

Clients build the URI of a track from the presentation's URI and the `a=control` of its SDP
(RFC 2326 C.1.1), and each in its own way:

- GStreamer puts the control behind the path, before the query: `rtsp://h/p/trackID=0?q`;
- ffmpeg puts it behind everything: `rtsp://h/p?q/trackID=0`;
- live555 and VLC end the presentation's URI with a slash or not;
- an absolute control replaces the URI, often with a host name of its own;
- clients that play MPEG-TS leave the control out.

So a URI is resolved by its end, over the controls that are known.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtsp_uri import RtspUri, decoded_path

_LONGEST_REMEMBERED = 2_048
_NUMBERED = re.compile(r"(?:trackID|streamid|stream|track|mediaID)=([0-9]{1,4})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ControlTarget:
    """What a URI means.

    Attributes:
        path: mount path, as `mount_path` gives it.
        query: the query without control, as it came.
        track: index of the track; None for the presentation as a whole.
    """

    path: str
    query: str
    track: int | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request URI, taken apart once for all controls that it is held against."""

    uri: RtspUri
    path: str
    path_segments: list[str]
    query_segments: list[str]


@dataclass(frozen=True, slots=True)
class _Match:
    track: int
    path: str
    query: str
    length: int


def resolve_control(uri: str, *, controls: Sequence[str], mount: str | None) -> ControlTarget:
    """Return what the URI means, knowing the tracks of the presentation.

    A control that leads to the mount wins over others, a longer one over a shorter. Where none
    fits, `trackID=N`, `streamid=N` and their like mean the track of that index.

    A path other than the mount is returned as it is: the caller says 404 or 459. A SETUP without
    control (track None) of a presentation with one track means that track.

    Args:
        uri: the request URI.
        controls: `a=control` of each track in order, "" where it has none; empty when the
            tracks are not known.
        mount: path of the mount where the session has one already.

    Raises:
        ProtocolError: 400 or 403 as `mount_path`; 404 for a track number that is not there.
    """
    # A session's requests repeat the same few URIs; one with credentials is not kept, nor is what
    # takes much memory.
    size = len(uri) + sum(map(len, controls))
    resolve = _resolved if "@" in uri or size > _LONGEST_REMEMBERED else _remembered
    return resolve(uri, tuple(controls), mount)


def _resolved(uri: str, controls: tuple[str, ...], mount: str | None) -> ControlTarget:
    parsed = RtspUri.parse(uri)
    path = decoded_path(parsed.path)
    asked = _Asked(parsed, path, _segments(parsed.path), _segments(parsed.query))
    matches = sorted(
        (
            match
            for index, control in enumerate(controls)
            for match in _matches(asked, control, index, mount)
        ),
        key=lambda match: (match.path == mount, match.length),
        reverse=True,
    )
    if matches and (matches[0].path == mount or path != mount):
        best = matches[0]
        return ControlTarget(best.path, best.query, best.track)
    numbered = _split_uri(parsed)
    if numbered.track is None or (path == mount and numbered.path != mount):
        return ControlTarget(path, parsed.query, None)
    if controls and numbered.track >= len(controls):
        raise ProtocolError(
            f"there is no track {numbered.track}; the last is {len(controls) - 1}",
            status=404,
            where="request URI",
        )
    return numbered


_remembered = lru_cache(maxsize=512)(_resolved)


def split_control(uri: str) -> ControlTarget:
    """Return what the URI means, knowing nothing of the presentation.

    Takes `trackID=N`, `streamid=N`, `stream=N`, `track=N` and `mediaID=N` off the end of the path
    or of the query. Other last segments, "track1" among them, may well be names of mounts.

    Raises:
        ProtocolError: as `mount_path`.
    """
    return _split(uri) if "@" in uri or len(uri) > _LONGEST_REMEMBERED else _remembered_split(uri)


def _split(uri: str) -> ControlTarget:
    return _split_uri(RtspUri.parse(uri))


_remembered_split = lru_cache(maxsize=512)(_split)


def _split_uri(uri: RtspUri) -> ControlTarget:
    query_segments = _segments(uri.query)
    if len(query_segments) > 1 and (number := _NUMBERED.fullmatch(unquote(query_segments[-1]))):
        query = "/".join(query_segments[:-1])
        return ControlTarget(decoded_path(uri.path), query, int(number[1]))
    segments = _segments(uri.path)
    if segments and (number := _NUMBERED.fullmatch(unquote(segments[-1]))):
        return ControlTarget(decoded_path("/".join(segments[:-1])), uri.query, int(number[1]))
    return ControlTarget(decoded_path(uri.path), uri.query, None)


def _matches(asked: _Asked, control: str, track: int, mount: str | None) -> Iterator[_Match]:
    """Yield every way in which the URI ends with the control."""
    uri = asked.uri
    control = control.strip()
    if control in ("", "*"):
        return
    if "://" in control:
        yield from _absolute_match(asked, control, track, mount)
        return
    if control.startswith("/") and mount is not None:
        # A path from the root: joined to the base it replaces the base's own path.
        yield from _absolute_match(asked, control, track, mount)
    length = len(control)
    control_path, mark, control_query = control.partition("?")
    if not mark or uri.query == control_query:
        before = _without_ending(asked.path_segments, _segments(control_path))
        if before is not None:
            query = "" if mark else uri.query
            yield _Match(track, decoded_path("/".join(before)), query, length)
    query_before = _without_ending(asked.query_segments, _segments(control))
    if query_before:
        yield _Match(track, asked.path, "/".join(query_before), length)
    # Clients that join base and control without a slash between them.
    if (
        mount is not None
        and asked.path.startswith(mount)
        and (asked.path == mount + unquote(control))
    ):
        yield _Match(track, mount, uri.query, length)


def _absolute_match(asked: _Asked, control: str, track: int, mount: str | None) -> Iterator[_Match]:
    uri, path = asked.uri, asked.path
    try:
        target = RtspUri.parse(control)
        target_path = decoded_path(target.path)
    except ProtocolError:
        # A control that nobody can ask for hides no other.
        return
    # The host is not compared: behind NAT or a proxy each side has its own name for it.
    if path == target_path and path != mount and uri.query == target.query:
        numbered = _split_uri(uri)
        parent = path.rpartition("/")[0] or "/"
        base = mount or (parent if numbered.track is None else numbered.path)
        yield _Match(track, base, "", len(control))


def _segments(text: str) -> list[str]:
    return [*filter(None, text.split("/"))]


def _without_ending(segments: list[str], ending: list[str]) -> list[str] | None:
    """Return the segments before the ending, None when they do not end so."""
    kept = len(segments) - len(ending)
    # From the end, where controls differ; most segments are written alike.
    if kept < 0 or any(
        have != want and unquote(have) != unquote(want)
        for have, want in zip(reversed(segments[kept:]), reversed(ending), strict=True)
    ):
        return None
    return segments[:kept]
