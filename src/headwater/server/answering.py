"""From a request to its answer: the checks every request gets, its method, the last headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from headwater.log_pace import paced_logger
from headwater.protocol.errors import HttpSpoken, ProtocolError
from headwater.protocol.header.require import unsupported_options
from headwater.protocol.message import Request, Response
from headwater.protocol.method import Method
from headwater.protocol.status import Status
from headwater.server.exchange import Exchange
from headwater.server.farewell import speak_http
from headwater.server.methods import (
    announce,
    describe,
    get_parameter,
    options,
    pause,
    play,
    record,
    set_parameter,
    setup,
    teardown,
)
from headwater.server.refusal import (
    Refusal,
    is_unexpected,
    refusal_of,
    refusal_response,
    setting_to_raise,
)
from headwater.server.request_uri import loggable_uri
from headwater.server.role import ROLES_BY_METHOD, methods_of

if TYPE_CHECKING:
    from headwater.server.connection import Connection

logger = paced_logger(__name__)

MethodAnswer = Callable[[Exchange], Awaitable[Response]]

_METHODS: dict[Method, MethodAnswer] = {
    Method.OPTIONS: options.answer,
    Method.ANNOUNCE: announce.answer,
    Method.DESCRIBE: describe.answer,
    Method.SETUP: setup.answer,
    Method.PLAY: play.answer,
    Method.RECORD: record.answer,
    Method.PAUSE: pause.answer,
    Method.TEARDOWN: teardown.answer,
    Method.GET_PARAMETER: get_parameter.answer,
    Method.SET_PARAMETER: set_parameter.answer,
}


def _method_for(connection: Connection, request: Request) -> MethodAnswer:
    if request.cseq is None:
        # RFC 2326 §12.17: the CSeq field MUST be present in all requests.
        raise Refusal(Status.BAD_REQUEST, "the CSeq header is missing or not a number")
    try:
        method = Method(request.method)
    except ValueError:
        raise Refusal(
            Status.NOT_IMPLEMENTED,
            f"{request.method} is not a method of this server",
            [("Public", ", ".join(methods_of(connection.roles)))],
        ) from None
    if method not in _METHODS:
        raise Refusal(
            Status.NOT_IMPLEMENTED,
            f"{method} is not served",
            [("Public", ", ".join(methods_of(connection.roles)))],
        )
    if not ROLES_BY_METHOD[method] & connection.roles:
        raise Refusal(
            Status.METHOD_NOT_ALLOWED,
            f"{method} is not served on this port; {connection.service.where_served(method)}",
            [("Allow", ", ".join(methods_of(connection.roles)))],
        )
    unsupported = unsupported_options(request.headers.get_all("Require"))
    if unsupported:
        raise Refusal(
            Status.OPTION_NOT_SUPPORTED,
            f"not supported: {', '.join(unsupported)}",
            [("Unsupported", ", ".join(unsupported))],
        )
    return _METHODS[method]


async def answer(connection: Connection, request: Request) -> None:
    """Answer one request; whatever goes wrong ends as a status, for this request alone."""
    exchange = Exchange(connection.service, connection, request)
    try:
        response = await _method_for(connection, request)(exchange)
    except Exception as error:  # noqa: BLE001 - logged there where it is no refusal
        response = _refused(connection, request, error)
        exchange.after_answer = None
    connection.service.counters.count_answer(response.status)
    if timestamp := request.headers.get("Timestamp"):
        # RFC 2326 §12.38: the server MUST echo the exact same value.
        response.headers.set("Timestamp", timestamp)
    _complete(connection, response, request.cseq)
    if exchange.after_answer is None:
        connection.send(response)
        return
    # The answer to a PLAY leaves in one go with the packets that the reader begins with.
    connection.stream.cork()
    try:
        connection.send(response)
        exchange.after_answer()
    finally:
        connection.stream.uncork()


def _refused(connection: Connection, request: Request, error: Exception) -> Response:
    """The answer for what was raised.

    A function of its own: kept in the frame that it was raised through, the refusal would be a
    cycle with its traceback, and each request refused would wait for the garbage collector.
    """
    if is_unexpected(error):
        connection.service.counters.request_failures += 1
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
        connection.service.note_limit(setting, connection.peer, str(error))
    refusal = refusal_of(error)
    _log_refusal(connection, request, refusal)
    return refusal_response(refusal)


def answer_protocol_error(connection: Connection, error: ProtocolError) -> None:
    """Answer bytes that are no request; the caller closes when the stream cannot go on."""
    refusal = refusal_of(error)
    if setting := setting_to_raise(error):
        connection.service.note_limit(setting, connection.peer, str(error))
    logger.info(
        "request unreadable",
        extra={"peer": connection.peer, "status": int(refusal.status), "cause": refusal.reason},
    )
    response = refusal_response(refusal)
    connection.service.counters.count_answer(response.status)
    if isinstance(error, HttpSpoken):
        speak_http(response, error.method)
    _complete(connection, response, error.request_cseq)
    connection.send(response)


def _complete(connection: Connection, response: Response, cseq: int | None) -> None:
    if cseq is not None:
        response.headers.set("CSeq", str(cseq))
    if connection.service.settings.server.server_name:
        response.headers.set("Server", connection.service.settings.server.server_name)


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
