"""The mount that a request of the web asks for: one that is there, or that can be made to be."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from headwater.http.refusal import HttpRefusal
from headwater.http.request import hook_request_of
from headwater.media.mount import Mount
from headwater.relay.finding import Wanted
from headwater.relay.relay import Relay
from headwater.side import Side

_NOBODY = ("Retry-After", "2")


async def asked_mount(request: HTTPConnection, relay: Relay, path: str) -> Mount:
    """Return the mount at a path, whose publisher is there.

    Raises HttpRefusal where nobody publishes, and what finding it raises.
    """
    mount = relay.finding.here(path)
    if mount is None:
        wanted = Wanted(path, hook_request_of(request, Side.PLAY, path))
        mount = await relay.finding.find(wanted)
    if mount is None or mount.publisher is None:
        raise HttpRefusal(
            404,
            f"nobody publishes on {path} now",
            code="no_such_mount",
            headers=[_NOBODY],
        )
    return mount
