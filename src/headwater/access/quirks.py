"""What clients get wrong in proving who they are: a rule each, with its client's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from headwater.access.auth_method import AuthMethod
from headwater.protocol.header.authorization import BasicCredentials, DigestCredentials

MOST_BYTES_OF_FFMPEG: Final = 127
"""Of user and password together, with the colon between them."""


def same_uri(named: str, requested: str, method: str) -> bool:  # noqa: ARG001 - one of the rules
    """RFC 7616 §3.4.6: the digest's `uri` is the request's."""
    return named == requested


def vlc_base_of_setup(named: str, requested: str, method: str) -> bool:
    """VLC (live555) computes SETUP's digest over the presentation's URL and a slash.

    FFmpeg before 4.3 does so without the slash.
    """
    base, slash, control = requested.rpartition("/")
    return method == "SETUP" and bool(slash and control) and named.rstrip("/") == base.rstrip("/")


def happytime_trailing_slash(named: str, requested: str, method: str) -> bool:  # noqa: ARG001
    """happytime-rtsp-client leaves the trailing slash out of the digest, others add one."""
    return named.rstrip("/") == requested.rstrip("/")


def bosch_relative(named: str, requested: str, method: str) -> bool:  # noqa: ARG001
    """Bosch devices name the path alone, some without its first slash."""
    if "://" in named or not named.strip("/"):
        return False
    path = _after_authority(requested)
    return named.strip("/") == path.strip("/")


ENCODINGS_OF_DIGEST = ("utf-8", "latin-1")
"""How a client may have written name and password before it hashed them; the hash proves which.

RFC 7616 §4 leaves this open where a challenge has no `charset`. By RFC 2616 §2.2 such text is
Latin-1, and curl on Windows and FFmpeg, given `%FC` for ü, hash these bytes.
"""

URI_RULES: tuple[Callable[[str, str, str], bool], ...] = (
    same_uri,
    vlc_base_of_setup,
    happytime_trailing_slash,
    bosch_relative,
)


def uri_accepted(named: str, requested: str, method: str) -> bool:
    """Return whether a digest over the URI `named` counts for a request of `requested`.

    Credentials inside of either are no part of the comparison: players leave them in one and take
    them out of the other.
    """
    named, requested = _without_userinfo(named), _without_userinfo(requested)
    return any(rule(named, requested, method) for rule in URI_RULES)


def readings_of_name(digest: DigestCredentials) -> tuple[DigestCredentials, ...]:
    """Return the credentials under each name that may be meant; the hash proves which one is.

    FFmpeg, GStreamer and live555 write a backslash in a name as it is (DOMAIN\\user). By RFC 7616
    §3.4 with RFC 7230 §3.2.6 a backslash is written twice, and a single one falls away.
    """
    if digest.written_username is None:
        return (digest,)
    return (replace(digest, username=digest.written_username), digest)


def header_lines(challenges: Sequence[tuple[AuthMethod, str]]) -> tuple[str, ...]:
    """Return the `WWW-Authenticate` values, one for each header line, in order of preference.

    FFmpeg (before 8) and live555 keep the last header line that begins with `Digest`, and know
    MD5 alone: offered SHA-256 after MD5, they can answer neither. RFC 7235 §4.1 allows several
    challenges in one line, so SHA-256 is put behind Basic, in Basic's line, where they do not
    look. Without Basic it stands in a line of its own, in front of MD5's.
    """
    text_by_method = dict(challenges)
    if not text_by_method.keys() >= {AuthMethod.DIGEST_MD5, AuthMethod.DIGEST_SHA256}:
        return tuple(text_by_method.values())
    sha256 = text_by_method.pop(AuthMethod.DIGEST_SHA256)
    if AuthMethod.BASIC not in text_by_method:
        return sha256, *text_by_method.values()
    text_by_method[AuthMethod.BASIC] += f", {sha256}"
    return tuple(text_by_method.values())


def token_cut_by_ffmpeg(basic: BasicCredentials) -> bool:
    """FFmpeg sends no more than so many bytes of `user:password`: no signed token is so short."""
    login = f"{basic.username}:{basic.password}".encode()
    return len(login) == MOST_BYTES_OF_FFMPEG and basic.password.startswith("eyJ")


def _without_userinfo(uri: str) -> str:
    scheme, mark, rest = uri.partition("://")
    if not mark:
        return uri
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def _after_authority(uri: str) -> str:
    return uri.partition("://")[2].partition("/")[2]
