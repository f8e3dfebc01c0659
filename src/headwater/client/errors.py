"""What can go wrong between a client and a server: one class for each thing to do about it."""

from __future__ import annotations

from typing import Final, Self

from headwater.protocol.message import Response
from headwater.protocol.status import reason_of
from headwater.shown_text import shown

_HINT_BYTES: Final = 1024


class ClientError(Exception):
    """A server cannot be used. The message says what was wrong, where, and what to do.

    Attributes:
        url: the URL that was asked for, without user name and password.
        step: what the client was doing: "connect", "DESCRIBE", "SETUP of track 0", "playing".
        message: what was wrong.
        may_pass: whether the same may work later without a change of the settings.
    """

    may_pass = True

    def __init__(self, message: str, *, url: str, step: str) -> None:
        super().__init__(message)
        self.url = url
        self.step = step
        self.message = message

    def __str__(self) -> str:
        return f"{self.url}: {self.step}: {self.message}"


class UnreachableError(ClientError):
    """No connection: the name is unknown, nobody listens, or the network is down."""


class TlsError(ClientError):
    """The server's certificate is not trusted, or it speaks no TLS that is spoken here."""

    may_pass = False


class StepTimeoutError(ClientError, TimeoutError):
    """The server did not answer a step of the conversation in time."""


class SilentError(StepTimeoutError):
    """The server agreed to send media, and none came."""


class ConnectionLostError(ClientError):
    """The connection ended while it was needed."""


class RefusedError(ClientError):
    """The server answered with a status other than success.

    Attributes:
        status: the status, such as 404.
        reason: its reason phrase.
    """

    def __init__(
        self, status: int, reason: str | None, *, url: str, step: str, hint: str = ""
    ) -> None:
        self.status = status
        self.reason = reason or reason_of(status)
        hint = hint or _HINTS.get(status, "")
        super().__init__(
            f"answered {status} {self.reason}{f'; {hint}' if hint else ''}", url=url, step=step
        )

    @classmethod
    def of(cls, response: Response, *, url: str, step: str) -> Self:
        """Return the error of an answer; its hint is what its body says in plain text."""
        kind = (response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        words = response.body[:_HINT_BYTES] if kind == "text/plain" else b""
        told = shown(words.decode(errors="replace").strip().partition("\n")[0].strip())
        hint = "; ".join(filter(None, (told, _HINTS.get(response.status, ""))))
        return cls(response.status, shown(response.reason or ""), url=url, step=step, hint=hint)


class TransportError(ClientError):
    """The server does not agree to the transport that was asked for; another may do."""

    may_pass = False


class CredentialsError(RefusedError):
    """The server wants a user name and a password, or wants others than it was given."""

    may_pass = False


class RedirectError(RefusedError):
    """The server names another place, where this client does not go."""

    may_pass = False


class UnusableAnswerError(ClientError):
    """The server's answer is not RTSP, or lacks what the client needs."""


class EndedError(ClientError):
    """The server ended the session in order: TEARDOWN, REDIRECT, or RTCP BYE of every track."""


_HINTS = {
    403: "the user may not use this path",
    404: "check the path of the URL",
    405: "the server does not know this method here",
    453: "the server has no room for another reader; cameras often take two or three",
    454: "the server has forgotten the session",
    455: "the session's state does not allow this",
    461: "the server does not offer this transport; choose another",
    503: "the server is busy; try later",
}
