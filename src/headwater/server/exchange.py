"""One request on its way to one answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headwater.hooks import HookRequest
from headwater.protocol.headers import Headers
from headwater.protocol.message import Request, Response
from headwater.protocol.rtsp_uri import RtspUri
from headwater.protocol.status import Status
from headwater.server.request_uri import parse_request_uri
from headwater.side import Side

if TYPE_CHECKING:
    from headwater.server.connections.connection import Connection


@dataclass(slots=True)
class Exchange:
    """A request with the connection that it came on.

    `closing` are the headers that every answer ends with. `after_answer` runs once the answer is in
    the connection's queue, in the same turn of the loop, so that a reader's first `$` frame can
    never overtake the answer to its PLAY. Where `answer_leads_media` is set, the answer leaves in
    one go with what that writes.
    """

    connection: Connection
    request: Request
    closing: Sequence[tuple[str, str]] = ()
    after_answer: Callable[[], None] | None = None
    answer_leads_media: bool = False
    _uri: RtspUri | None = field(default=None, init=False)

    @property
    def uri(self) -> RtspUri:
        """The request's URL, parsed once. Raises Refusal for `*`, ProtocolError for no URL."""
        if self._uri is None:
            self._uri = parse_request_uri(self.request)
        return self._uri

    def answer(
        self,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        status: int = Status.OK,
    ) -> Response:
        """Return a response with these headers, CSeq and Server behind them."""
        return Response(status, Headers([*headers, *self.closing]), body)


def hook_request(exchange: Exchange, side: Side, path: str) -> HookRequest:
    """Return what the owner's hooks see of a request about a mount."""
    connection, request = exchange.connection, exchange.request
    return HookRequest.of(
        method=request.method,
        uri=request.uri,
        path=path,
        query=exchange.uri.query,
        headers=request.headers.items(),
        peer=(connection.peer_ip, connection.peer_port),
        side=side,
        certificate=connection.stream.peer_certificate,
    )
