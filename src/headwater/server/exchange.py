"""One request on its way to one answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headwater.hooks import HookRequest
from headwater.protocol.message import Request, response_bytes
from headwater.protocol.status import Status
from headwater.server.request_uri import MountUrl, mount_url
from headwater.side import Side

if TYPE_CHECKING:
    from headwater.server.connections.connection import Connection


@dataclass(slots=True)
class Exchange:
    """A request with the connection that it came on.

    `asked` are the request's headers by name, and `closing` the lines that every answer ends with.
    `status` is that of the answer, once it is made.
    `after_answer` runs once the answer is in the connection's queue, in the same turn of the loop,
    so that a reader's first `$` frame can never overtake the answer to its PLAY. Where
    `answer_leads_media` is set, the answer leaves in one go with what that writes.
    """

    connection: Connection
    request: Request
    asked: Mapping[str, str] = field(default_factory=dict)
    closing: str = ""
    status: int = 200
    after_answer: Callable[[], None] | None = None
    answer_leads_media: bool = False
    _url: MountUrl | None = field(default=None, init=False)

    @property
    def url(self) -> MountUrl:
        """The request's URL, read once. Raises Refusal for `*`, ProtocolError for no URL."""
        if self._url is None:
            self._url = mount_url(self.request)
        return self._url

    def answer(
        self,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        status: int = Status.OK,
    ) -> bytes:
        """Return an answer with these headers, CSeq and Server behind them."""
        self.status = status
        return response_bytes(status, headers, self.closing, body)


def hook_request(exchange: Exchange, side: Side, path: str) -> HookRequest:
    """Return what the owner's hooks see of a request about a mount."""
    connection, request = exchange.connection, exchange.request
    return HookRequest.of(
        method=request.method,
        uri=request.uri,
        path=path,
        query=exchange.url.query,
        headers=request.headers.items(),
        peer=(connection.peer_ip, connection.peer_port),
        side=side,
        certificate=connection.stream.peer_certificate,
    )
