"""From a request to its answer: the checks every request gets, its method, the last headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache

from headwater.log_pace import paced_logger
from headwater.protocol.errors import HttpSpoken, ProtocolError
from headwater.protocol.header.cseq import parse_cseq
from headwater.protocol.header.require import unsupported_options
from headwater.protocol.message import Request, header_lines
from headwater.protocol.method import Method
from headwater.protocol.status import Status
from headwater.relay.counters import ServerCounters
from headwater.relay.limits import Limits
from headwater.server.connections.connection import Connection
from headwater.server.connections.farewell import speak_http
from headwater.server.exchange import Exchange
from headwater.server.refusal import (
    Refusal,
    is_unexpected,
    refusal_of,
    refusal_response,
    setting_to_raise,
)
from headwater.server.request_uri import loggable_uri
from headwater.server.served_methods import SIDES_BY_METHOD, ServedPorts, methods_of
from headwater.shown_text import shown
from headwater.side import Side

logger = paced_logger(__name__)

MethodAnswer = Callable[[Exchange], Awaitable[bytes]]


class Answering:
    """Answers the requests of all connections of one server."""

    def __init__(
        self,
        methods: Mapping[Method, MethodAnswer],
        ports: ServedPorts,
        limits: Limits,
        counters: ServerCounters,
        server_name: str,
    ) -> None:
        """`server_name` is the Server header of every answer, "" for none."""
        # By what a port serves.
        self._served: dict[frozenset[Side], dict[str, MethodAnswer]] = {
            sides: {
                name: answer for name, answer in methods.items() if sides & SIDES_BY_METHOD[name]
            }
            for sides in (frozenset(Side), *(frozenset({side}) for side in Side))
        }
        self._methods = frozenset[str](methods)
        self._ports = ports
        self._limits = limits
        self._counters = counters
        self.name_server(server_name)

    def name_server(self, server_name: str) -> None:
        """Call the server so in every answer from now on, "" for not at all."""
        # With what every answer ends, behind its CSeq.
        self._last_line = header_lines([("Server", server_name)]) if server_name else ""

    async def answer(self, connection: Connection, request: Request) -> None:
        """Answer one request; whatever goes wrong ends as a status, for this request alone."""
        asked = request.headers.by_name
        agent = asked.get("user-agent")
        if agent and agent != connection.user_agent:
            # Some clients name themselves in DESCRIBE alone.
            connection.user_agent = shown(agent)
        exchange = Exchange(connection, request, asked, self._last_line)
        try:
            exchange.closing = _closing(asked.get("cseq", ""), self._last_line)
            if timestamp := asked.get("timestamp"):
                # RFC 2326 §12.38: the server MUST echo the exact same value.
                exchange.closing = header_lines([("Timestamp", timestamp)]) + exchange.closing
            served = self._served[connection.sides].get(request.method)
            if served is None:
                raise self._not_served(connection, request)
            if "require" in asked:
                _require_supported(request.headers.get_all("Require"))
            data = await served(exchange)
        except Exception as error:  # noqa: BLE001 - logged there where it is no refusal
            data = self._refused(exchange, error)
            exchange.after_answer = None
        self._counters.count_answer(exchange.status)
        after = exchange.after_answer
        if after is None:
            connection.send_bytes(data)
        elif exchange.answer_leads_media:
            connection.send_in_one_go(data, after)
        else:
            connection.send_bytes(data)
            after()

    def answer_error(self, connection: Connection, error: ProtocolError) -> None:
        """Answer bytes that are no request; the caller closes when the stream cannot go on."""
        refusal = refusal_of(error)
        if setting := setting_to_raise(error):
            self._limits.note(setting, connection.peer, str(error))
        logger.info(
            "request unreadable",
            extra={"peer": connection.peer, "status": int(refusal.status), "cause": refusal.reason},
        )
        response = refusal_response(refusal)
        self._counters.count_answer(response.status)
        if isinstance(error, HttpSpoken):
            speak_http(response, error.method)
        cseq = error.request_cseq
        closing = self._last_line if cseq is None else _closing(str(cseq), self._last_line)
        connection.send_bytes(response.to_bytes(closing))

    def _not_served(self, connection: Connection, request: Request) -> Refusal:
        if request.method not in self._methods:
            known = request.method in Method.__members__
            reason = "not served" if known else "not a method of this server"
            return _not_implemented(connection, f"{request.method} is {reason}")
        method = Method(request.method)
        return Refusal(
            Status.METHOD_NOT_ALLOWED,
            f"{method} is not served on this port; {self._ports.where_served(method)}",
            [("Allow", ", ".join(methods_of(connection.sides)))],
        )

    def _refused(self, exchange: Exchange, error: Exception) -> bytes:
        """Return the answer for an exception.

        A function of its own: kept in the frame that it was raised through, the refusal would be
        a cycle with its traceback, and each request refused would wait for the garbage collector.
        """
        connection, request = exchange.connection, exchange.request
        if is_unexpected(error):
            self._counters.request_failures += 1
            logger.error(
                "request failed",
                exc_info=error,
                extra={
                    "peer": connection.peer,
                    "method": request.method,
                    "uri": loggable_uri(request.uri),
                    "cause": repr(error),
                },
            )
        if setting := setting_to_raise(error):
            self._limits.note(setting, connection.peer, str(error))
        refusal = refusal_of(error)
        _log_refusal(connection, request, refusal)
        exchange.status = refusal.status
        return refusal_response(refusal).to_bytes(exchange.closing)


@lru_cache(maxsize=256)
def _closing(cseq: str, last_line: str) -> str:
    """Return the lines that the answer to a request of this CSeq ends with: the same few again."""
    number = parse_cseq(cseq)
    if number is None:
        # RFC 2326 §12.17: the CSeq field MUST be present in all requests.
        raise Refusal(Status.BAD_REQUEST, "the CSeq header is missing or not a number")
    return f"CSeq: {number}\r\n{last_line}"


def _require_supported(values: Sequence[str]) -> None:
    unsupported = unsupported_options(values)
    if unsupported:
        raise Refusal(
            Status.OPTION_NOT_SUPPORTED,
            f"not supported: {', '.join(unsupported)}",
            [("Unsupported", ", ".join(unsupported))],
        )


def _not_implemented(connection: Connection, reason: str) -> Refusal:
    public = ", ".join(methods_of(connection.sides))
    return Refusal(Status.NOT_IMPLEMENTED, reason, [("Public", public)])


def _log_refusal(connection: Connection, request: Request, refusal: Refusal) -> None:
    if refusal.logged or refusal.status == Status.UNAUTHORIZED:
        # Either logged already, or the way every client with a password begins.
        return
    logger.info(
        "request refused",
        extra={
            "peer": connection.peer,
            "method": request.method,
            "uri": loggable_uri(request.uri),
            "status": int(refusal.status),
            "cause": refusal.reason,
        },
    )
