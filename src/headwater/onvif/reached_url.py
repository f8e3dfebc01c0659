"""URLs that devices tell about themselves, led back to the address that answered.

A device may tell an address of another network, of its maker's desk, or of a victim: what it
tells is taken for the path only, and for the port where nothing else is known.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit, urlunsplit

_MOST_CHARACTERS = 2048
_WEB = ("http", "https")
_MEDIA = ("rtsp", "rtsps")


def announced_service(url: str, host: str) -> str | None:
    """Return the URL of a device service that was announced, at the host that announced it."""
    told = _split(url, _WEB)
    return None if told is None else _join(told, told.scheme, host, told.port)


def service_at(url: str, reached: str) -> str | None:
    """Return a URL that a device told of a service, with scheme, host and port of `reached`."""
    told, known = _split(url, _WEB), _split(reached, _WEB)
    if told is None or known is None:
        return None
    return _join(told, known.scheme, known.hostname or "", known.port)


def stream_at(url: str, reached: str) -> str | None:
    """Return a stream's URL with the host of `reached`, without user and password.

    The port stays: RTSP is served by another program than the services are.
    """
    told, known = _split(url, _MEDIA), _split(reached, _WEB)
    if told is None or known is None:
        return None
    return _join(told, told.scheme, known.hostname or "", told.port)


def host_told(url: str) -> str:
    """Return the host that a URL names, empty if it names none."""
    told = _split(url, _WEB)
    return "" if told is None else told.hostname or ""


def _split(url: str, schemes: tuple[str, ...]) -> SplitResult | None:
    """Return the parts of a URL that can be used; None for any other text."""
    if len(url) > _MOST_CHARACTERS or not url.isprintable() or any(c in url for c in ' "<>\\^`{|}'):
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None


def _join(told: SplitResult, scheme: str, host: str, port: int | None) -> str:
    place = f"[{host}]" if ":" in host else host
    if port is not None:
        place += f":{port}"
    return urlunsplit((scheme, place, told.path or "/", told.query, ""))
