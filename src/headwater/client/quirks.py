"""What cameras get wrong and a client goes on with all the same, each by its name.

What is odd in the dialogue itself is in `protocol/client/quirks.py`, in Transport headers in
`transports/quirks.py`, in descriptions and single values in `protocol/quirks.py`. "go2rtc 830" and
the like name the project and the issue in which the oddity was met.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from headwater.protocol.errors import ProtocolError
from headwater.protocol.headers import Headers
from headwater.protocol.rtsp_uri import RtspUri
from headwater.protocol.sdp import MediaDescription

_SCHEME = re.compile(r"(rtsps?|rtspu)://", re.IGNORECASE)
_SCHEMES = re.compile(r"\A(?:rtsp[su]?://)+", re.IGNORECASE)
_AUTHORITY = re.compile(r"[^/?]*")
# Without a scheme only what has dots and digits, or a port, is told from a relative path.
_HOST = re.compile(r"(?:[0-9]+(?:\.[0-9]+){3}(?::[0-9]{1,5})?|[A-Za-z0-9.\-]+:[0-9]{1,5})(?=/|$)")

PLAY_RANGE = "npt=0.000-"
"""The Range of a PLAY from the start, which RFC 2326 §10.5 lets a client leave out.

Parrot's drones play nothing without it (gortsplib's commit a5856345), and ffmpeg always sends it.
"""

LEAST_KEEP_ALIVE_S = 1.0
"""A server that tells a time-out of a second or two is asked once a second, and no more often."""


def source_uri(text: str) -> RtspUri:
    """Read the URL of a source, whose password may hold `:`, `@`, `%`, `/` and `?` as they are.

    Users paste what their camera's page shows (gortsplib 6fe7a316). A `/` or `?` ends the host by
    RFC 3986 §3.2, so it counts as part of the password only where the URL makes no sense else; a
    `%` counts as such unless two hexadecimal digits follow.

    Raises ProtocolError where it makes none at all.
    """
    try:
        return RtspUri.parse(text)
    except ProtocolError:
        scheme = _SCHEME.match(text)
        userinfo, at, rest = text[scheme.end() :].rpartition("@") if scheme else ("", "", "")
        if not at or scheme is None:
            raise
        quoted = userinfo.replace("/", "%2F").replace("?", "%3F")
        return RtspUri.parse(f"{scheme[0]}{quoted}@{rest}")


def base_of_answer(headers: Headers) -> str | None:
    """Return what an answer to DESCRIBE gives as base: Content-Base, else Content-Location.

    RFC 2326 C.1.1 has them in this order; some cameras have only the second (retina).
    """
    return headers.get("Content-Base") or headers.get("Content-Location") or None


def base_uri(asked: RtspUri, told: str | None, session_control: str | None = None) -> RtspUri:
    """Return the URI that controls are relative to, at the host that was asked.

    Told is what `base_of_answer` found; an absolute control of the session goes before it
    (gortsplib 811e189b). Path and query are what a server knows best. Its host is left out, since
    behind a NAT it names one that cannot be reached, and since cameras write it so:

    - `rtsp://::ffff:192.168.1.1/live`, IPv6 without brackets (go2rtc `helpers.go`);
    - `rtsp://rtsp://host/live`, the scheme twice (go2rtc 830);
    - `192.168.1.1:1935/live`, no scheme (Anjvision, go2rtc 1852);
    - `/live`, a path alone.

    What cannot be read stands for the URI that was asked.
    """
    if session_control is not None and _SCHEME.match(session_control.strip()):
        told = session_control
    written = (told or "").strip()
    rest = _SCHEMES.sub("", written)
    if not rest.startswith("/"):
        host = (_HOST if rest == written else _AUTHORITY).match(rest)
        if host is None or not rest:
            return asked
        rest = rest[host.end() :]
    path, _, query = rest.partition("?")
    return RtspUri(asked.scheme, asked.host, asked.port, None, None, path, query)


def track_uri(base: RtspUri, control: str | None) -> str:
    """Return the URI of a track, or of the presentation, by its `a=control`.

    RFC 2326 C.1.1 joins as RFC 1808 does, which would drop the last segment of a base without a
    slash at its end; every camera means its control behind all of the base, the query included.
    Exactly one slash parts them, whichever side has one (go2rtc 1236). An absolute control keeps
    its path and query, and is asked of the host that was connected to.
    """
    text = (control or "").strip()
    if text in ("", "*"):
        return base.without_credentials
    if _SCHEME.match(text):
        return base_uri(base, text).without_credentials
    whole = base.without_credentials
    if text.startswith("?"):
        return whole + text
    return f"{whole.rstrip('/')}/{text.lstrip('/')}"


def tracks_to_play(media: Sequence[MediaDescription]) -> tuple[int, ...]:
    """Return the tracks that a server sends: all but those of a back channel.

    ONVIF marks the way from the client to the camera's loudspeaker with `a=sendonly`. Cameras that
    mark every track so (CV-RTSPHandler 771, gortsplib) mean none of them.
    """
    sent = tuple(index for index, one in enumerate(media) if one.direction != "sendonly")
    return sent or tuple(range(len(media)))


def nat_is_between(local_ip: str, peer_ip: str) -> bool:
    """Return whether a NAT must stand between: a private address here, a public one there.

    UDP then comes through by luck only, and a player would wait in vain for its first seconds.
    """
    try:
        local = ipaddress.ip_address(local_ip.partition("%")[0])
        peer = ipaddress.ip_address(peer_ip.partition("%")[0])
    except ValueError:
        return False
    return local.is_private and not local.is_loopback and peer.is_global
