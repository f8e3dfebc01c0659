"""The one way a request is refused, and the one table from exceptions to answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headwater.access.outside import NoAnswerError
from headwater.hooks import HookFailed, HookTimedOut
from headwater.media.errors import MountBusy, MountClosed, MountFull
from headwater.net.port_pairs import DescriptorsExhausted, PortsExhausted, PortShareExhausted
from headwater.protocol.errors import HttpSpoken, LimitExceeded, ProtocolError
from headwater.protocol.headers import Headers
from headwater.protocol.message import Response
from headwater.protocol.status import Status
from headwater.relay.errors import (
    Elsewhere,
    LimitReached,
    NotHere,
    ServerStopping,
    SourceDown,
    SourceTooSlow,
)
from headwater.relay.limit_settings import setting_of_limit
from headwater.shown_text import shown

_REASON_CHARACTERS = 1024
_COME_BACK = ("Retry-After", "5")


class Refusal(Exception):  # noqa: N818 - named after what it does
    """A request that is answered with an error status.

    `reason` tells the peer what was wrong and what to do; it becomes the answer's body.
    `logged`: whoever raised it has logged it. `setting`: the one whose limit it is for.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        headers: Sequence[tuple[str, str]] = (),
        *,
        logged: bool = False,
        setting: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = tuple(headers)
        self.logged = logged
        self.setting = setting


def refusal_response(refusal: Refusal) -> Response:
    """Return the answer for a refusal: its headers, and its reason as a line of plain text."""
    headers = Headers(refusal.headers)
    body = b""
    if refusal.reason:
        # It may quote the request, and the peer's own log may show it.
        body = shown(refusal.reason, _REASON_CHARACTERS).encode() + b"\r\n"
        headers.set("Content-Type", "text/plain;charset=utf-8")
    return Response(status=refusal.status, headers=headers, body=body)


def _of_exceeded_limit(error: LimitExceeded) -> Refusal:
    setting = setting_of_limit(error.limit)
    return Refusal(error.status, f"{error} ({setting})", setting=setting)


def _of_protocol_error(error: ProtocolError) -> Refusal:
    allow = getattr(error, "allow", None)
    headers = [("Allow", ", ".join(allow))] if allow else []
    return Refusal(error.status, str(error), headers)


def _of_reached_limit(error: LimitReached) -> Refusal:
    return Refusal(Status.SERVICE_UNAVAILABLE, str(error), [_COME_BACK], logged=error.logged)


_REFUSALS: tuple[tuple[type[Exception], Callable[..., Refusal]], ...] = (
    (Refusal, lambda error: error),
    (LimitExceeded, _of_exceeded_limit),
    (
        HttpSpoken,
        lambda _: Refusal(
            Status.BAD_REQUEST,
            "this port speaks RTSP, not HTTP; open an rtsp:// URL with a player. RTSP inside HTTP "
            "(a tunnel) is not supported; media inside RTSP (TCP) is",
        ),
    ),
    (ProtocolError, _of_protocol_error),
    (
        PortShareExhausted,
        lambda _: Refusal(
            Status.NOT_ENOUGH_BANDWIDTH,
            "this address has all UDP port pairs that it may have (rtp.rtp_pairs_per_address); "
            "use TCP",
            logged=True,
        ),
    ),
    (
        PortsExhausted,
        lambda _: Refusal(
            Status.NOT_ENOUGH_BANDWIDTH, "no UDP port pair is free; use TCP", logged=True
        ),
    ),
    (
        DescriptorsExhausted,
        lambda _: Refusal(
            Status.SERVICE_UNAVAILABLE,
            "the server can open no further socket; use TCP, or try again later",
            [_COME_BACK],
            logged=True,
        ),
    ),
    (LimitReached, _of_reached_limit),
    (
        ServerStopping,
        lambda error: Refusal(Status.SERVICE_UNAVAILABLE, str(error), [_COME_BACK]),
    ),
    (NotHere, lambda error: Refusal(Status.NOT_FOUND, str(error))),
    (Elsewhere, lambda error: Refusal(Status.MOVED_TEMPORARILY, "", [("Location", error.url)])),
    (SourceDown, lambda error: Refusal(Status.BAD_GATEWAY, str(error), [_COME_BACK])),
    (SourceTooSlow, lambda error: Refusal(Status.GATEWAY_TIMEOUT, str(error), [_COME_BACK])),
    (MountBusy, lambda error: Refusal(Status.SERVICE_UNAVAILABLE, str(error))),
    (MountFull, lambda error: Refusal(Status.NOT_ENOUGH_BANDWIDTH, str(error), logged=True)),
    (MountClosed, lambda error: Refusal(Status.NOT_FOUND, str(error))),
    (
        NoAnswerError,
        lambda _: Refusal(
            Status.SERVICE_UNAVAILABLE, "who may do this cannot be found out now", [_COME_BACK]
        ),
    ),
    (
        HookTimedOut,
        lambda _: Refusal(Status.SERVICE_UNAVAILABLE, "a check on the server took too long"),
    ),
    (
        HookFailed,
        lambda _: Refusal(Status.INTERNAL_SERVER_ERROR, "a check on the server failed"),
    ),
)


def refusal_of(error: Exception) -> Refusal:
    """Return the refusal that answers an exception; what is not in the table is our fault: 500."""
    for kind, build in _REFUSALS:
        if isinstance(error, kind):
            return build(error)
    return Refusal(Status.INTERNAL_SERVER_ERROR, "the server failed on this request")


def setting_to_raise(error: Exception) -> str | None:
    """Return the setting whose limit the error tells of; None for any other error."""
    match error:
        case LimitExceeded():
            return setting_of_limit(error.limit)
        case Refusal():
            return error.setting
        case LimitReached():
            return None if error.logged else error.setting
        case PortShareExhausted():
            return "rtp.rtp_pairs_per_address"
        case PortsExhausted():
            return "rtp.rtp_port_count"
        case DescriptorsExhausted():
            return "sockets.descriptor_limit"
        case MountFull():
            return "mounts.max_readers"
        case _:
            return None


def is_unexpected(error: Exception) -> bool:
    """Return whether the table lacks the exception, so that its traceback must be logged."""
    return not any(isinstance(error, kind) for kind, _ in _REFUSALS)
