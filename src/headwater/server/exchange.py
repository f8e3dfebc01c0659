"""One request on its way to one answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headwater.protocol.headers import Headers
from headwater.protocol.message import Request, Response
from headwater.protocol.status import Status

if TYPE_CHECKING:
    from headwater.server.connection import Connection
    from headwater.server.service import Service


@dataclass(slots=True)
class Exchange:
    """A request with the connection that it came on and the service that answers it.

    `after_answer` runs once the answer is in the connection's queue, in the same turn of the
    loop, so that a reader's first `$` frame can never overtake the answer to its PLAY.
    """

    service: Service
    connection: Connection
    request: Request
    after_answer: Callable[[], None] | None = field(default=None)

    def answer(
        self,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        status: int = Status.OK,
    ) -> Response:
        """A response with these headers; CSeq and Server are added on the way out."""
        return Response(status=status, headers=Headers(headers), body=body)
