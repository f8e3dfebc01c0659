"""What the API can be asked for: one table of operations, which routes and the document are of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from headwater.access.decision import Action
from headwater.api.caller import SERVER, Caller
from headwater.api.query import Parameter, Query
from headwater.http.refusal import HttpRefusal
from headwater.protocol.errors import ProtocolError
from headwater.protocol.rtsp_uri import decoded_path
from headwater.relay.limit_settings import LimitSettings

PATH: Final = "path"


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of a dataclass as an answer has them.

    Attributes:
        record: the dataclass.
        lacks: fields that the answer leaves out.
        beside: what it has beside, by name: a type.
    """

    record: type
    lacks: tuple[str, ...] = ()
    beside: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """An answer of pages of such items."""

    item: Shape


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as an operation is given it.

    Attributes:
        request: the request.
        caller: who asks; nobody where the operation needs no right.
        query: its parameters.
        path: the path of the mount that the address names, or the id that it names, "" without.
    """

    request: Request
    caller: Caller
    query: Query
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One method on one address.

    Attributes:
        id: its name in the document, which clients are generated with.
        method: GET, POST, PUT or DELETE.
        address: with `{path}` for a mount's path, which may have slashes, or `{id}`.
        action: the right that it needs; None for none.
        of_server: whether the right must cover the server as a whole.
        summary: what it does, in one sentence.
        run: does it.
        parameters: of the query.
        body: the JSON that it takes: a dataclass, or a dict from paths to one.
        answer: what it answers: JSON, or a media type of something else.
        status: of the answer.
        refusals: statuses of refusals beside those that every operation has.
    """

    id: str
    method: str
    address: str
    action: Action | None
    summary: str
    run: Callable[[Call], Awaitable[Response]]
    of_server: bool = False
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    answer: Shape | Listed | str | None = None
    status: int = 200
    refusals: tuple[int, ...] = ()

    @property
    def names_a_mount(self) -> bool:
        """Whether the address holds the path of a mount."""
        return "{path}" in self.address


def mount_path(request: Request, before: str, behind: str, limits: LimitSettings) -> str:
    """Return the path of the mount that an address names between two fixed parts.

    Raises HttpRefusal for what is no path of a mount.
    """
    # As it came: decoded twice, `%252e` would be another name here than in RTSP.
    raw = request.scope["raw_path"].decode("ascii")
    if not (raw.startswith(before) and raw.endswith(behind)):
        raise HttpRefusal(404, "there is nothing at this address", code="not_found")
    raw = "/" + raw[len(before) : len(raw) - len(behind)].strip("/")
    try:
        path = decoded_path(raw)
    except ProtocolError as error:
        raise HttpRefusal(400, f"the path of a mount: {error}", code="unreadable") from None
    if len(path.encode()) > limits.path_bytes or path == SERVER:
        raise HttpRefusal(
            414 if path != SERVER else 404,
            f"the mount's path is empty, or longer than {limits.path_bytes} bytes "
            "(limits.path_bytes)",
            code="limit" if path != SERVER else "not_found",
        )
    return path
