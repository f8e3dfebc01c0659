"""What a request's URL says, beside the mount."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs, quote

from headwater.protocol.message import Request
from headwater.protocol.rtsp_uri import RtspUri, mount_path
from headwater.protocol.status import Status
from headwater.server.refusal import Refusal

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_LONGEST_REMEMBERED = 512
_HOST_AND_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^:@\[\]]*)(?::\d+)?")
_INSTANT_START_NAME = "instant_start"
_INSTANT_START = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


@dataclass(frozen=True, slots=True)
class MountUrl:
    """What the URL of a request says.

    Attributes:
        path: the path of the mount, or of what is below it.
        query: without its question mark.
        base: the Content-Base of a description of it, without credentials.
        as_written: the URL to the letter, for clients that compare; without credentials.
    """

    path: str
    query: str
    base: str
    as_written: str


def mount_url(request: Request) -> MountUrl:
    """Read the request's URL; `*` has no mount and is refused for methods that need one.

    Raises ProtocolError as `RtspUri.parse` and `mount_path` do.
    """
    text = request.uri
    if text == "*":
        raise Refusal(Status.BAD_REQUEST, f"{request.method} needs the URL of a mount, not *")
    # Peers repeat the same few; one with credentials is not kept, nor is what takes much memory.
    remembered = "@" not in text and len(text) <= _LONGEST_REMEMBERED
    return _remembered(text) if remembered else _read(text)


def _read(text: str) -> MountUrl:
    uri = RtspUri.parse(text)
    shown = uri.without_credentials
    base = f"{shown.rstrip('/')}/"
    return MountUrl(mount_path(uri), uri.query, base, text if uri.username is None else shown)


_remembered = lru_cache(maxsize=512)(_read)


def require_short_path(path: str, most_bytes: int) -> None:
    """Refuse a mount path above the limit with 414."""
    if len(path.encode()) > most_bytes:
        raise Refusal(
            Status.REQUEST_URI_TOO_LONG,
            f"the mount's path is longer than {most_bytes} bytes (limits.path_bytes)",
            setting="limits.path_bytes",
        )


def encode_path(path: str) -> str:
    """Return a mount's path as it stands in a URL."""
    return quote(path, safe="/~@!$&'()*+,;=:")


def wants_instant_start(*queries: str) -> bool | None:
    """Return what the first of these queries asks for that has `instant_start=` with a sense.

    None leaves it to the mount's setting.
    """
    for query in queries:
        if _INSTANT_START_NAME in query:
            for value in reversed(parse_qs(query).get(_INSTANT_START_NAME, ())):
                if value.lower() in _INSTANT_START:
                    return _INSTANT_START[value.lower()]
    return None


def loggable_uri(uri: str) -> str:
    """Return the text of a URL, even a broken one, without user, password and query."""
    scheme = _SCHEME.match(uri)
    start = scheme.end() if scheme else 0
    rest = uri[start:].partition("?")[0]
    authority, slash, path = rest.partition("/")
    if not _HOST_AND_PORT.fullmatch(authority):
        # Before the last @ stand credentials, a slash in them or not; without one all may be.
        host, slash, path = rest.rpartition("@")[2].partition("/")
        authority = host if _HOST_AND_PORT.fullmatch(host) else "…"
    return f"{uri[:start]}{authority}{slash}{path}"
