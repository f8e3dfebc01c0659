"""Answers that hang on the address alone, given past the application: players ask for some of
them many times a second."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol

from headwater.http.connections import HttpCounters
from headwater.http.refusal import HttpRefusal, is_unexpected, problem, refusal_of
from headwater.http.settings import HttpSettings
from headwater.http.web_app import ALWAYS, STOPPING
from headwater.log_pace import paced_logger
from headwater.relay.limits import Limits

logger = paced_logger(__name__)

_PLAIN: Final = re.compile(
    rb"GET (/[!-~]*) HTTP/1\.1\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n)*\r\n"
)
_MATTERS: Final = re.compile(
    rb"\r\n(?:origin|cookie|content-length|transfer-encoding|upgrade|expect"
    rb"|connection:(?![ \t]*keep-alive[ \t]*\r)|[^:]+[ \t]:)",
    re.IGNORECASE,
)
"""Headers by which the application answers differently, or by which more than a head comes."""


class QuickAnswer(NamedTuple):
    """An answer with the status 200."""

    head: bytes
    """Its own headers, `Cache-Control` among them, each line with its end."""
    content: bytes


Coming = Coroutine[Any, Any, QuickAnswer]
"""An answer that has to wait for something; it may raise what the application may."""

QuickRoute = Callable[[str], QuickAnswer | Coming | None]
"""Takes a path and query as they came, and returns None where the application is to answer."""


class QuickConnection(Protocol):
    """What an answer goes out on."""

    @property
    def peer_text(self) -> str:
        """The peer as log lines name it."""

    @property
    def secure(self) -> bool:
        """Whether TLS protects it."""

    def is_closing(self) -> bool:
        """Return whether it takes no more."""

    def answer(self, head: bytes, content: bytes) -> None:
        """Send an answer."""

    def wait_for(self, task: asyncio.Task[None]) -> None:
        """Take no other request until the task has sent its answer; end it when the peer goes."""


class QuickAnswers:
    """Looks at each request that came whole, in one piece and without a body.

    Attributes:
        tasks: those that wait for an answer, for whoever ends them.
    """

    def __init__(
        self, limits: Limits, counters: HttpCounters, settings: HttpSettings, server_name: str
    ) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self._limits = limits
        self._counters = counters
        self._routes: tuple[QuickRoute, ...] = ()
        self.go_by(settings, server_name)

    def go_by(self, settings: HttpSettings, server_name: str) -> None:
        """Go by these settings from the next request on."""
        self._tls_only = settings.tls_only
        told = [(name, value) for name, value in ALWAYS if name != "Cache-Control"]
        if server_name:
            told.append(("Server", server_name))
        lines = [f"{name.lower()}: {value}\r\n" for name, value in told]
        self._tail = "".join(lines).encode("latin-1", "replace")

    def add(self, route: QuickRoute) -> None:
        """Serve a route; earlier ones go before later ones."""
        self._routes += (route,)

    def plain_target(self, data: bytes) -> str | None:
        """Return the path and query of a request; None where it is not one whole plain GET.

        A connection on which anything else has come is left to the application: where its requests
        begin can be told no more.
        """
        limits = self._limits.settings
        if len(data) > limits.header_bytes:
            return None
        found = _PLAIN.fullmatch(data)
        if found is None or _MATTERS.search(data) is not None:
            return None
        target = found[1]
        if len(target) > limits.uri_bytes or data.count(b"\r\n") - 2 > limits.header_count:
            return None
        return target.decode("ascii")

    def take(self, connection: QuickConnection, target: str) -> bool:
        """Answer a request, now or later; return False where the application is to do so."""
        if self._tls_only and not connection.secure:
            return False
        found = self._found(target)
        if found is None:
            return False
        if isinstance(found, QuickAnswer):
            self._send(connection, found)
        else:
            task = asyncio.get_running_loop().create_task(self._when_there(connection, found))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
            # A task that is ended before it began has awaited nothing.
            task.add_done_callback(lambda _: found.close())
            connection.wait_for(task)
        return True

    def _found(self, target: str) -> QuickAnswer | Coming | None:
        try:
            for route in self._routes:
                found = route(target)
                if found is not None:
                    return found
        except Exception:  # noqa: BLE001 - the application meets it too, and refuses
            pass
        return None

    async def _when_there(self, connection: QuickConnection, coming: Coming) -> None:
        try:
            answer = await coming
        except asyncio.CancelledError:
            # The door closes, or the peer has gone.
            self._refuse(connection, STOPPING)
        except Exception as error:
            if is_unexpected(error):
                fields = {"peer": connection.peer_text}
                logger.error("request failed", exc_info=error, extra=fields)
            self._refuse(connection, refusal_of(error))
        else:
            self._send(connection, answer)

    def _send(self, connection: QuickConnection, answer: QuickAnswer) -> None:
        head, content = answer
        self._counters.answers_by_status[200] += 1
        begins = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n" % len(content)
        connection.answer(b"%b%b%b\r\n" % (begins, head, self._tail), content)

    def _refuse(self, connection: QuickConnection, refusal: HttpRefusal) -> None:
        if connection.is_closing():
            return
        response = problem(refusal)
        status = response.status_code
        self._counters.answers_by_status[status] += 1
        begins = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
        own = [b"%b: %b\r\n" % pair for pair in (*response.raw_headers, _NOT_KEPT)]
        connection.answer(b"%b%b%b\r\n" % (begins, b"".join(own), self._tail), bytes(response.body))


_NOT_KEPT: Final = (b"cache-control", b"no-store")
