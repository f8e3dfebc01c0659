"""An answer that goes on until the peer leaves or the server stops."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from headwater.http.request import connection_of


class EndlessResponse(StreamingResponse):
    """Streams until the peer closes its side, which ends the stream at once."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        connection_of(HTTPConnection(scope)).end_with_peer()
        await super().__call__(scope, receive, send)
