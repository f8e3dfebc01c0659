"""The operations that only look: the server, its mounts, sessions, sources and forwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from starlette.responses import Response

from headwater.access.decision import Action
from headwater.api.answers import answer, list_text, record_answer, response, text_of, without
from headwater.api.kept_answers import KeptAnswers
from headwater.api.operation import Call, Listed, Operation, Shape
from headwater.api.query import PAGING, Parameter
from headwater.api.sharing import SharedFigures
from headwater.api.view import ServerView
from headwater.client.forwarding.snapshot import ForwardSnapshot
from headwater.control.figures import MountFigures
from headwater.control.lists import ListWanted, Part, SeenSession, part_of
from headwater.control.status import Health, ServerStatus
from headwater.http.refusal import HttpRefusal
from headwater.media.snapshot import MountSnapshot, ReaderSnapshot
from headwater.media.states import MountState
from headwater.relay.end import EndKind, SessionSnapshot
from headwater.side import Side
from headwater.sources.snapshot import SourceSnapshot

ItemT = TypeVar("ItemT")

_LONG = ("egresses", "mounts", "sessions", "forwards", "sources")
"""Of a status: each has addresses of its own."""
_OF_PUBLISHER = {"kernel_drops": int}

SERVER_SHAPE = Shape(ServerStatus, lacks=_LONG, name="Server")
MOUNT_SHAPE = Shape(MountSnapshot, lacks=("readers",), beside={"readers": int}, name="MountItem")
PUBLISHER_SHAPE = Shape(SessionSnapshot, beside=_OF_PUBLISHER, name="Publisher")
READER_SHAPE = Shape(
    SessionSnapshot,
    lacks=("state", "transport"),
    beside={"session_state": str, "playing": ReaderSnapshot | None},
    name="Reader",
)

OF_PATH = Parameter(name="path", doc="Only those of paths that match this pattern: `cams/*`.")
OF_USER = Parameter(name="user", doc="Only those of this user.")
OF_ADDRESS = Parameter(name="address", doc="Only those of this IP address, without a port.")
OF_KIND = Parameter(name="kind", doc="Only those that came this way.", kind=EndKind)
OF_SIDE = Parameter(name="role", doc="Only publishers, or only readers.", kind=Side)
OF_STATE = Parameter(name="state", doc="Only those in this state.", kind=MountState)
_OF_SESSIONS = (*PAGING, OF_PATH, OF_USER, OF_ADDRESS, OF_KIND)


class Looking:
    """Answers them from read models; who asks for the same within a second gets the same."""

    def __init__(self, view: ServerView, shared: SharedFigures, kept: KeptAnswers) -> None:
        self._view = view
        self._shared = shared
        self._kept = kept

    def operations(self) -> tuple[Operation, ...]:
        """Return the part of the table."""
        look = Action.LOOK
        return (
            _get("getServer", "/v1/server", "The server as a whole.", self._server, SERVER_SHAPE),
            _get("getHealth", "/v1/health", "State, age and numbers.", self._health, Shape(Health)),
            Operation(
                id="listMounts",
                method="GET",
                address="/v1/mounts",
                action=look,
                summary="The mounts, each with the number of its readers.",
                run=self._mounts,
                parameters=(*PAGING, OF_PATH, OF_STATE),
                answer=Listed(MOUNT_SHAPE),
            ),
            Operation(
                id="getMount",
                method="GET",
                address="/v1/mounts/{path}",
                action=look,
                summary="One mount with all of its readers.",
                run=self._mount,
                answer=Shape(MountSnapshot),
                refusals=(404,),
            ),
            Operation(
                id="listSessions",
                method="GET",
                address="/v1/sessions",
                action=look,
                summary="Publishers and readers of every kind.",
                run=self._sessions,
                parameters=(*_OF_SESSIONS, OF_SIDE),
                answer=Listed(Shape(SessionSnapshot)),
            ),
            Operation(
                id="getSession",
                method="GET",
                address="/v1/sessions/{id}",
                action=look,
                summary="One publisher or reader.",
                run=self._session,
                answer=Shape(SessionSnapshot),
                refusals=(404,),
            ),
            Operation(
                id="listPublishers",
                method="GET",
                address="/v1/publishers",
                action=look,
                summary="Publishers, with what the kernel dropped of theirs.",
                run=self._publishers,
                parameters=_OF_SESSIONS,
                answer=Listed(PUBLISHER_SHAPE),
            ),
            Operation(
                id="listReaders",
                method="GET",
                address="/v1/readers",
                action=look,
                summary="Readers, with what they were sent and what they missed.",
                run=self._readers,
                parameters=_OF_SESSIONS,
                answer=Listed(READER_SHAPE),
            ),
            Operation(
                id="listSources",
                method="GET",
                address="/v1/sources",
                action=look,
                summary="What the server fetches by itself, and how it fares.",
                run=self._sources,
                parameters=(*PAGING, OF_PATH),
                answer=Listed(Shape(SourceSnapshot)),
            ),
            Operation(
                id="listForwards",
                method="GET",
                address="/v1/forwards",
                action=look,
                summary="What the server sends on to other servers.",
                run=self._forwards,
                parameters=(*PAGING, OF_PATH),
                answer=Listed(Shape(ForwardSnapshot)),
            ),
        )

    async def _server(self, call: Call) -> Response:
        async def make() -> str:
            figures = await self._shared.figures()
            return text_of(without(figures.status, *_LONG))

        return await self._kept_answer("server", call, make)

    async def _health(self, _call: Call) -> Response:
        return answer(await self._view.health())

    async def _mounts(self, call: Call) -> Response:
        return await self._kept_answer("mounts", call, partial(self._mounts_text, call))

    async def _mounts_text(self, call: Call) -> str:
        wanted, state = _wanted(call), call.query["state"]
        paths = [path for path in await self._view.mount_paths() if wanted.takes_path(path)]
        if state is None:
            page = part_of(paths, wanted, str)
            # One that has closed meanwhile is not told.
            figures = await self._view.mount_figures(page.items)
            return await self._text(page, sorted(figures, key=_path_of_mount), _mount_item, str)
        found = [
            each for each in await self._view.mount_figures(paths) if each.mount.state is state
        ]
        chosen = part_of(found, wanted, _path_of_mount)
        return await self._text(chosen, chosen.items, _mount_item, _path_of_mount)

    async def _mount(self, call: Call) -> Response:
        call.caller.require(call.path)
        mount = await self._view.mount(call.path)
        if mount is None:
            raise no_mount(call.path)
        return await record_answer(mount)

    async def _sessions(self, call: Call) -> Response:
        return await self._seen("sessions", call, call.query["role"], _session_item)

    async def _session(self, call: Call) -> Response:
        session = await self._view.session(call.path)
        # Whoever may not see it does not learn that it is there.
        if session is None or not call.caller.may(session.path):
            raise no_session(call.path)
        return answer(session)

    async def _publishers(self, call: Call) -> Response:
        return await self._seen("publishers", call, Side.PUBLISH, _publisher_item)

    async def _readers(self, call: Call) -> Response:
        return await self._seen("readers", call, Side.PLAY, _reader_item)

    async def _seen(
        self, name: str, call: Call, side: Side | None, item_of: Callable[[SeenSession], object]
    ) -> Response:
        async def make() -> str:
            part = await self._view.sessions(_wanted(call, side))
            return await self._text(part, part.items, item_of, _id_of)

        return await self._kept_answer(name, call, make)

    async def _sources(self, call: Call) -> Response:
        async def make() -> str:
            part = await self._view.sources(_wanted(call))
            return await self._text(part, part.items, _as_it_is, lambda each: each.path)

        return await self._kept_answer("sources", call, make)

    async def _forwards(self, call: Call) -> Response:
        async def make() -> str:
            part = await self._view.forwards(_wanted(call))
            return await self._text(
                part, part.items, _as_it_is, lambda each: f"{each.path} {each.url}"
            )

        return await self._kept_answer("forwards", call, make)

    async def _kept_answer(
        self, name: str, call: Call, make: Callable[[], Awaitable[str]]
    ) -> Response:
        key = (name, tuple(call.query.values.items()), call.caller.patterns)
        return response(await self._kept.answer(key, make))

    async def _text(
        self,
        part: Part[Any],
        items: Iterable[ItemT],
        item_of: Callable[[ItemT], object],
        key: Callable[[Any], str],
    ) -> str:
        head = {
            "clock_s": self._view.clock_s(),
            "total": part.total,
            "next": key(part.items[-1]) if part.more and part.items else None,
        }
        return await list_text(head, map(item_of, items))


def _wanted(call: Call, side: Side | None = None) -> ListWanted:
    """Return what a request asks for, of what its caller may see."""
    query = call.query.values
    return ListWanted(
        allowed=call.caller.patterns,
        side=side,
        **{name: query.get(name) for name in ("path", "user", "address", "kind", "after", "limit")},
    )


def _as_it_is(item: object) -> object:
    return item


def _path_of_mount(figures: MountFigures) -> str:
    return figures.mount.path


def _mount_item(figures: MountFigures) -> object:
    return {**without(figures.mount, "readers"), "readers": figures.readers}


def _id_of(seen: SeenSession) -> str:
    return seen.session.id


def _session_item(seen: SeenSession) -> object:
    return seen.session


def _publisher_item(seen: SeenSession) -> object:
    return {**without(seen.session), "kernel_drops": seen.kernel_drops}


def _reader_item(seen: SeenSession) -> object:
    session = seen.session
    return {
        **without(session, "state", "transport"),
        "session_state": session.state,
        "playing": seen.playing,
    }


def no_mount(path: str) -> HttpRefusal:
    """Return the refusal where a mount is not open."""
    return HttpRefusal(404, f"nothing is published on {path} now", code="no_such_mount")


def no_session(session_id: str) -> HttpRefusal:
    """Return the refusal where there is no such session."""
    return HttpRefusal(404, f"there is no session {session_id} now", code="no_such_session")


def _get(name: str, address: str, summary: str, run: Callable[..., Any], shape: Shape) -> Operation:
    return Operation(
        id=name,
        method="GET",
        address=address,
        action=Action.LOOK,
        of_server=True,
        summary=summary,
        run=run,
        answer=shape,
    )
