"""The one way a request of the web is refused, and the one table from exceptions to statuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import Response

from headwater.access.decision import Challenge, Forbidden, Throttled
from headwater.access.outside import NoAnswerError
from headwater.hooks import HookFailed, HookTimedOut, Redirect, Refused
from headwater.media.errors import MountBusy, MountClosed, MountFull
from headwater.protocol.errors import LimitExceeded, ProtocolError
from headwater.relay.errors import (
    Elsewhere,
    LimitReached,
    ServerStopping,
    SourceDown,
    SourceTooSlow,
)
from headwater.relay.limit_settings import setting_of_limit
from headwater.shown_text import shown

_DETAIL_CHARACTERS = 1024
_COME_BACK = ("Retry-After", "5")


class HttpRefusal(Exception):  # noqa: N818 - named after what it does
    """A request that is answered with an error status.

    Args:
        status: the HTTP status.
        detail: what was wrong, where, and what to do: a sentence for people.
        code: a word for programs, such as `b_frames`; it never changes.
        headers: what the answer has beside.
    """

    def __init__(
        self, status: int, detail: str, *, code: str, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(detail)
        self.status = int(status)
        self.detail = detail
        self.code = code
        self.headers = tuple(headers)


def problem(refusal: HttpRefusal) -> Response:
    """Return the answer for a refusal, as RFC 9457 writes it, with its `code` beside."""
    body = {
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": shown(refusal.detail, _DETAIL_CHARACTERS),
        "code": refusal.code,
    }
    response = Response(
        json.dumps(body, ensure_ascii=False),
        status_code=refusal.status,
        media_type="application/problem+json",
    )
    for name, value in refusal.headers:
        response.headers.append(name, value)
    return response


def refusal_of_verdict(
    verdict: Challenge | Forbidden | Throttled | Refused | Redirect, action: str, path: str
) -> HttpRefusal:
    """Return what a browser is told that may not do something with a mount."""
    match verdict:
        case Challenge(headers, complaint=complaint):
            why = f" ({complaint})" if complaint else ""
            return HttpRefusal(
                401,
                f"{path} needs a user name and password, or a token, for {action}{why}",
                code="credentials_needed",
                headers=[("WWW-Authenticate", value) for value in headers],
            )
        case Forbidden(username):
            return HttpRefusal(403, f"{username} may not {action} {path}", code="forbidden")
        case Throttled(retry_after_s, cause):
            return HttpRefusal(
                429,
                f"{cause}; try again in {retry_after_s} s",
                code="throttled",
                headers=[("Retry-After", str(retry_after_s))],
            )
        case Refused(status):
            return HttpRefusal(
                _http_status(status), f"{path} is refused by this server's owner", code="refused"
            )
        case Redirect(uri):
            # A browser cannot follow to RTSP: whoever reads this can.
            return HttpRefusal(404, f"{path} is on another server: {uri}", code="elsewhere")


def _http_status(status: int) -> int:
    """Return a status that a hook chose for RTSP, where HTTP has it too; else 403."""
    # RFC 2326 §11 has 451 to 462 and 551 in places where HTTP has nothing, or something else.
    return status if status in _KNOWN_STATUSES else 403


def _of_exceeded_limit(error: LimitExceeded) -> HttpRefusal:
    setting = setting_of_limit(error.limit)
    return HttpRefusal(_http_status(error.status), f"{error} ({setting})", code="limit")


def _of_http_exception(error: HTTPException) -> HttpRefusal:
    return HttpRefusal(
        error.status_code,
        _DETAILS.get(error.status_code, error.detail),
        code=_CODES.get(error.status_code, "error"),
        headers=tuple((error.headers or {}).items()),
    )


_KNOWN_STATUSES = frozenset(
    int(status) for status in HTTPStatus if status >= 400 and not 450 <= status < 500
)
_DETAILS = {
    404: "there is nothing at this address; while somebody publishes it, /NAME is the page of a "
    "mount, where NAME is its path; players send their offer to /NAME/whep, publishers to "
    "/NAME/whip",
    405: "this address does not take the method; Allow lists those that it takes",
}
_CODES = {404: "not_found", 405: "method_not_allowed"}

_REFUSALS: tuple[tuple[type[Exception], Callable[..., HttpRefusal]], ...] = (
    (HttpRefusal, lambda error: error),
    (HTTPException, _of_http_exception),
    (LimitExceeded, _of_exceeded_limit),
    (
        ProtocolError,
        lambda error: HttpRefusal(_http_status(error.status), str(error), code="unreadable"),
    ),
    (LimitReached, lambda error: HttpRefusal(503, str(error), code="full", headers=[_COME_BACK])),
    (
        ServerStopping,
        lambda error: HttpRefusal(503, str(error), code="stopping", headers=[_COME_BACK]),
    ),
    (
        Elsewhere,
        lambda error: HttpRefusal(404, f"{error}: {error.url}", code="elsewhere"),
    ),
    (
        SourceDown,
        lambda error: HttpRefusal(503, str(error), code="source_down", headers=[_COME_BACK]),
    ),
    (
        SourceTooSlow,
        lambda error: HttpRefusal(504, str(error), code="source_too_slow", headers=[_COME_BACK]),
    ),
    (MountBusy, lambda error: HttpRefusal(409, str(error), code="mount_busy")),
    (MountFull, lambda error: HttpRefusal(503, str(error), code="full", headers=[_COME_BACK])),
    (MountClosed, lambda error: HttpRefusal(404, str(error), code="no_such_mount")),
    (
        NoAnswerError,
        lambda _: HttpRefusal(
            503,
            "who may do this cannot be found out now",
            code="check_failed",
            headers=[_COME_BACK],
        ),
    ),
    (
        HookTimedOut,
        lambda _: HttpRefusal(503, "a check on the server took too long", code="check_failed"),
    ),
    (HookFailed, lambda _: HttpRefusal(500, "a check on the server failed", code="check_failed")),
)


def refusal_of(error: Exception) -> HttpRefusal:
    """Return the refusal that answers an exception; what is not in the table is our fault: 500."""
    for kind, build in _REFUSALS:
        if isinstance(error, kind):
            return build(error)
    return HttpRefusal(500, "the server failed on this request; its log says why", code="failed")


def is_unexpected(error: Exception) -> bool:
    """Return whether the table lacks the exception, so that its traceback must be logged."""
    return not any(isinstance(error, kind) for kind, _ in _REFUSALS)
