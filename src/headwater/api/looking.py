"""The operations that only look: the server, its mounts, sessions, sources and forwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from starlette.responses import Response

from headwater.access.decision import Action
from headwater.api.answers import (
    answer,
    each_in_turn,
    in_slices,
    in_turns,
    list_answer,
    record_answer,
    without,
)
from headwater.api.operation import Call, Listed, Operation, Shape
from headwater.api.paging import Page
from headwater.api.query import PAGING, Parameter
from headwater.api.sharing import SharedFigures
from headwater.api.view import ServerView
from headwater.client.forwarding.snapshot import ForwardSnapshot
from headwater.control.status import Health, ServerStatus
from headwater.http.refusal import HttpRefusal
from headwater.media.snapshot import MountSnapshot, PublisherSnapshot, ReaderSnapshot
from headwater.media.states import MountState
from headwater.protocol.path_pattern import matches
from headwater.relay.end import EndKind, SessionSnapshot
from headwater.side import Side
from headwater.sources.snapshot import SourceSnapshot


class _OfPath(Protocol):
    @property
    def path(self) -> str: ...


PathT = TypeVar("PathT", bound=_OfPath)

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
    """Answers them from read models."""

    def __init__(self, view: ServerView, shared: SharedFigures) -> None:
        self._view = view
        self._shared = shared

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

    async def _server(self, _call: Call) -> Response:
        figures = await self._shared.figures()
        return answer(without(figures.status, *_LONG))

    async def _health(self, _call: Call) -> Response:
        return answer(self._view.health())

    async def _mounts(self, call: Call) -> Response:
        pattern, state = call.query["path"], call.query["state"]
        paths = sorted(
            path
            for path in self._view.mount_paths()
            if call.caller.may(path) and (pattern is None or matches(pattern, path))
        )
        if state is None:
            page = Page.of(call, paths, lambda path: path)
            return await self._listed(page, self._mount_items(page.items))
        found = [item async for item in self._mount_items(paths) if item["state"] is state]
        chosen = Page.of(call, found, lambda item: item["path"])
        return await self._listed(chosen, each_in_turn(chosen.items))

    async def _mount_items(self, paths: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
        for path in paths:
            figures = await in_turns(self._view.mount_figures(path))
            await asyncio.sleep(0)
            if figures is not None:  # it may have closed meanwhile
                yield {**without(figures.mount, "readers"), "readers": figures.readers}

    async def _mount(self, call: Call) -> Response:
        call.caller.require(call.path)
        mount = await in_turns(self._view.mount(call.path))
        if mount is None:
            raise no_mount(call.path)
        return await record_answer(mount)

    async def _sessions(self, call: Call) -> Response:
        page = await self._chosen(call, call.query["role"])
        return await self._listed(page, self._still_there(page))

    async def _session(self, call: Call) -> Response:
        session = self._view.session(call.path)
        # Whoever may not see it does not learn that it is there.
        if session is None or not call.caller.may(session.path):
            raise no_session(call.path)
        return answer(session)

    async def _publishers(self, call: Call) -> Response:
        page = await self._chosen(call, Side.PUBLISH)
        return await self._listed(page, self._publisher_items(page))

    async def _publisher_items(self, page: Page[str]) -> AsyncIterator[object]:
        async for session in self._still_there(page):
            figures = await in_turns(self._view.mount_figures(session.path))
            publisher: PublisherSnapshot | None = figures.mount.publisher if figures else None
            here = publisher is not None and publisher.id == session.id
            drops = publisher.kernel_drops if publisher is not None and here else 0
            yield {**without(session), "kernel_drops": drops}

    async def _readers(self, call: Call) -> Response:
        page = await self._chosen(call, Side.PLAY)
        sessions = [session async for session in self._still_there(page)]
        wanted = {session.id for session in sessions}
        playing: dict[str, ReaderSnapshot] = {}
        for path in sorted({session.path for session in sessions}):
            mount = await in_turns(self._view.mount(path))
            for reader in mount.readers if mount else ():
                if reader.id in wanted:
                    playing[reader.id] = reader
        items = (
            {
                **without(session, "state", "transport"),
                "session_state": session.state,
                "playing": playing.get(session.id),
            }
            for session in sessions
        )
        return await self._listed(page, each_in_turn(items))

    async def _sources(self, call: Call) -> Response:
        page = Page.of(call, _of_paths(call, self._view.sources()), lambda each: each.path)
        return await self._listed(page, each_in_turn(page.items))

    async def _forwards(self, call: Call) -> Response:
        forwards = _of_paths(call, self._view.forwards())
        page = Page.of(call, forwards, lambda each: f"{each.path} {each.url}")
        return await self._listed(page, each_in_turn(page.items))

    async def _chosen(self, call: Call, side: Side | None) -> Page[str]:
        """Return a page of the ids of those that are asked for; of the others nothing is kept."""
        query = call.query
        found = [
            session.id
            async for session in in_slices(self._view.sessions())
            if (side is None or session.role is side)
            and is_chosen(session, query["path"], query["user"], query["address"], query["kind"])
            and call.caller.may(session.path)
        ]
        return Page.of(call, found, lambda session_id: session_id)

    async def _still_there(self, page: Page[str]) -> AsyncIterator[SessionSnapshot]:
        for session_id in page.items:
            session = self._view.session(session_id)
            if session is not None:  # it may have ended meanwhile
                yield session
            await asyncio.sleep(0)

    async def _listed(self, page: Page[Any], items: AsyncIterator[object]) -> Response:
        head = {"clock_s": self._view.clock_s(), "total": page.total, "next": page.next}
        return await list_answer(head, items)


def is_chosen(
    session: SessionSnapshot,
    pattern: str | None = None,
    user: str | None = None,
    address: str | None = None,
    kind: EndKind | None = None,
) -> bool:
    """Return whether a session is one of those that were asked for; None asks for any."""
    return (
        (pattern is None or matches(pattern, session.path))
        and (user is None or session.username == user)
        and (address is None or host_of(session.peer) == address)
        and (kind is None or session.kind is kind)
    )


def host_of(peer: str) -> str:
    """Return the address of a peer as snapshots name it, without its port."""
    return peer.rpartition(":")[0].strip("[]")


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


def _of_paths(call: Call, items: Iterable[PathT]) -> list[PathT]:
    pattern = call.query["path"]
    return [
        item
        for item in items
        if call.caller.may(item.path) and (pattern is None or matches(pattern, item.path))
    ]
