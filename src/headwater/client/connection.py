"""A client's connection to a server: requests out, their answers awaited, each within its time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable

from headwater.client.errors import (
    ClientError,
    ConnectionLostError,
    CredentialsError,
    RefusedError,
    StepTimeoutError,
    TlsError,
    UnusableAnswerError,
)
from headwater.log_pace import paced_logger
from headwater.net.tls_stream import TlsStream
from headwater.protocol.client.dialogue import (
    Answered,
    Asked,
    ClientDialogue,
    ServerAsked,
    Unreadable,
)
from headwater.protocol.errors import ProtocolError
from headwater.protocol.message import Request, Response
from headwater.protocol.status import Status
from headwater.protocol.wire_limits import WireLimits
from headwater.shown_text import shown
from headwater.transports.wire_connection import WireConnection

logger = paced_logger(__name__)

_MOST_UNREAD_BYTES = 65_536
"""What a server that floods with requests may leave unread of their answers."""


class ClientConnection(WireConnection):
    """One connection to a server. Only `ask` waits, and never longer than it is told.

    Attributes:
        dialogue: state, session and what the server offers.
        url: what errors call it.
        failure: why it is gone; None while it is there.
        unknown_frames: packets that came on channels that were never set up: old live555 writes
            those of a session before into the same descriptor, and Reolink's RLC-410 too.
        on_ended: told once that the server ended the session, or the connection is gone.
    """

    __slots__ = (
        "_answers",
        "dialogue",
        "failure",
        "on_ended",
        "unknown_frames",
        "url",
    )

    def __init__(
        self, dialogue: ClientDialogue, url: str, limits: WireLimits, clock: Callable[[], float]
    ) -> None:
        super().__init__(limits, clock)
        self.dialogue = dialogue
        self.url = url
        self.failure: ClientError | None = None
        self.unknown_frames = 0
        self.on_ended: Callable[[str], None] | None = None
        self._answers: dict[Asked, asyncio.Future[Response]] = {}

    async def ask(
        self,
        method: str,
        uri: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        within_s: float,
        step: str = "",
    ) -> Response:
        """Send a request and wait for its answer, whose status is not looked at, but for 401.

        Raises ClientError: CredentialsError, StepTimeoutError, ConnectionLostError,
        UnusableAnswerError.
        """
        step = step or method
        self._require_open(step)
        asked = self.dialogue.ask(method, uri, headers, body)
        answer = self._answers[asked] = asyncio.get_running_loop().create_future()
        self._flush()
        try:
            async with asyncio.timeout(within_s):
                response: Response = await answer
        except TimeoutError:
            # A TLS handshake may be overdue at the same moment, and is the cause then.
            self._require_open(step)
            raise self._overdue(within_s, step) from None
        except ProtocolError as error:
            raise UnusableAnswerError(
                f"its answer cannot be read: {shown(str(error))}", url=self.url, step=step
            ) from error
        except ConnectionLostError as error:
            raise self._lost_at(step, error) from error
        finally:
            self._answers.pop(asked, None)
            self.dialogue.give_up(asked)
        if response.status == Status.UNAUTHORIZED:
            raise CredentialsError(
                response.status,
                shown(response.reason or ""),
                url=self.url,
                step=step,
                hint=asked.problem or "",
            )
        return response

    async def ask_for_success(
        self,
        method: str,
        uri: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        within_s: float,
        step: str = "",
    ) -> Response:
        """Ask as `ask` does. Raises RefusedError for any other status than 2xx as well."""
        response = await self.ask(method, uri, headers, body, within_s=within_s, step=step)
        if response.status // 100 != 2:
            raise RefusedError.of(response, url=self.url, step=step or method)
        return response

    def tell(self, method: str, uri: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Send a request whose answer nobody waits for, as what keeps a session alive."""
        if self.failure is None and not self.closed:
            self.dialogue.ask(method, uri, headers, awaited=False)
            self._flush()

    def fail(self, failure: ClientError) -> None:
        """Give the connection up at once, for this reason."""
        if self.failure is None:
            self.failure = failure
        self.abort()
        self._tell_waiting()

    def stream_drained(self) -> None:
        """Do nothing: what is written is bounded by what is asked."""

    async def _deal_with(self, message: Request | Response | ProtocolError) -> None:
        try:
            event = self.dialogue.receive(message)
        except ProtocolError as error:
            self.fail(UnusableAnswerError(shown(str(error)), url=self.url, step="reading"))
            return
        self._flush()
        match event:
            case Answered():
                self._settle(event.asked, event.response)
            case Unreadable():
                self._unreadable(event.asked, event.error)
            case ServerAsked(request=request, ends=True):
                self._tell_ended(f"the server sent {request.method}")

    def _unreadable(self, asked: Asked | None, error: ProtocolError) -> None:
        if asked is not None:
            self._settle(asked, error)
        if error.fatal:
            message = f"what it sends cannot be read: {shown(str(error))}"
            self.fail(UnusableAnswerError(message, url=self.url, step="reading"))

    def _settle(self, asked: Asked, outcome: Response | ProtocolError) -> None:
        answer = self._answers.get(asked)
        if answer is None or answer.done():
            return
        if isinstance(outcome, Response):
            answer.set_result(outcome)
        else:
            answer.set_exception(outcome)

    def _flush(self) -> None:
        messages = self.dialogue.messages_to_send()
        if messages:
            self.stream.write(b"".join(message.to_bytes() for message in messages))
        if any(isinstance(message, Response) for message in messages) and (
            self.stream.queued_bytes > _MOST_UNREAD_BYTES
        ):
            message = "it asks ever more and reads none of the answers"
            self.fail(UnusableAnswerError(message, url=self.url, step="reading"))

    def _work_failed(self, error: Exception) -> None:
        logger.error("a client's connection failed", exc_info=error, extra={"url": self.url})
        self.fail(ConnectionLostError(f"this program failed: {error!r}", url=self.url, step=""))

    def _lost(self, error: Exception | None) -> None:
        if self.failure is None:
            self.failure = self._failure_of(error)
        self._tell_waiting()
        self._tell_ended(self.failure.message)

    def _failure_of(self, error: Exception | None) -> ClientError:
        if isinstance(error, ssl.SSLError):
            return TlsError(_tls_words(error), url=self.url, step="TLS handshake")
        if (
            isinstance(self.stream, TlsStream)
            and not self.stream.handshake_done
            and (isinstance(error, TimeoutError))
        ):
            return StepTimeoutError(shown(str(error)), url=self.url, step="TLS handshake")
        cause = "the server closed the connection" if error is None else shown(str(error))
        return ConnectionLostError(cause, url=self.url, step="")

    def _tell_waiting(self) -> None:
        for answer in self._answers.values():
            if not answer.done() and self.failure is not None:
                answer.set_exception(self.failure)

    def _tell_ended(self, reason: str) -> None:
        tell, self.on_ended = self.on_ended, None
        if tell is not None:
            tell(reason)

    def _unknown_channel(self, packet_count: int) -> None:
        self.unknown_frames += packet_count

    def _require_open(self, step: str) -> None:
        if self.failure is not None:
            raise self._lost_at(step, self.failure)

    def _lost_at(self, step: str, failure: ClientError) -> ClientError:
        if isinstance(failure, ConnectionLostError):
            return ConnectionLostError(failure.message, url=self.url, step=step)
        return failure

    def _overdue(self, within_s: float, step: str) -> ClientError:
        message = f"no answer within {within_s:g} s"
        if self.dialogue.strays:
            message += f"; {self.dialogue.strays} answers came with another CSeq than was asked"
        return StepTimeoutError(message, url=self.url, step=step)


def _tls_words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the server's certificate is not trusted ({error.verify_message}); give the file of "
            "its authority (ca_file) or the certificate's SHA-256 fingerprint (fingerprint)"
        )
    reason: str | None = getattr(error, "reason", None)
    return shown(reason or str(error.args[-1]))
