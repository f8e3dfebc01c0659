"""The operations on the sources that programs add."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.responses import Response

from headwater.access.decision import Action
from headwater.api.added_sources import AddedSource, AddedSources
from headwater.api.answers import answer, without
from headwater.api.caller import Callers
from headwater.api.json_body import json_of, record_of
from headwater.api.kept_answers import KeptAnswers
from headwater.api.operation import Call, Operation, Shape
from headwater.api.view import ServerActions, ServerView
from headwater.http.refusal import HttpRefusal
from headwater.protocol.errors import ProtocolError
from headwater.protocol.path_pattern import matches
from headwater.protocol.rtsp_uri import decoded_path
from headwater.relay.limits import Limits
from headwater.shown_text import shown
from headwater.sources.snapshot import SourceSnapshot


class Sourcing:
    """Does them. What the configuration or the program gave a source is not theirs to change."""

    def __init__(
        self,
        view: ServerView,
        actions: ServerActions,
        callers: Callers,
        added: AddedSources,
        limits: Limits,
        kept: KeptAnswers,
    ) -> None:
        self._view = view
        self._kept = kept
        self._callers = callers
        self._actions = actions
        self._added = added
        self._limits = limits

    def operations(self) -> tuple[Operation, ...]:
        """Return the part of the table."""
        control = partial(Operation, action=Action.CONTROL, address="/v1/sources/{path}")
        return (
            Operation(
                id="getSource",
                method="GET",
                address="/v1/sources/{path}",
                action=Action.LOOK,
                summary="What the server fetches for one path, and how it fares.",
                run=self._get,
                answer=Shape(
                    SourceSnapshot, beside={"added": AddedSource | None}, name="SourceOfPath"
                ),
                refusals=(404,),
            ),
            control(
                id="putSource",
                method="PUT",
                summary="Fetch a path from a URL from now on, over restarts too.",
                run=self._put,
                body=AddedSource,
                status=204,
                refusals=(409,),
            ),
            control(
                id="deleteSource",
                method="DELETE",
                summary="Fetch a path no more that the API was told to fetch.",
                run=self._delete,
                status=204,
                refusals=(404,),
            ),
            Operation(
                id="putSources",
                method="PUT",
                address="/v1/sources",
                action=Action.CONTROL,
                summary="Fetch exactly these paths of all that the API was told to fetch.",
                run=self._put_all,
                body=dict[str, AddedSource],
                status=204,
                refusals=(409,),
            ),
        )

    async def _get(self, call: Call) -> Response:
        call.caller.require(call.path)
        source = await self._view.source(call.path)
        if source is None:
            raise _no_source(call.path)
        return answer({**without(source), "added": self._added_for(call)})

    def _added_for(self, call: Call) -> AddedSource | None:
        """Return what was added, without passwords, for those who may change it."""
        rights = self._callers.rights_of(call.caller)
        added = self._added.by_path.get(call.path)
        if added is None or not any(matches(pattern, call.path) for pattern in rights.control):
            return None
        return added.shown()

    async def _put(self, call: Call) -> Response:
        call.caller.require(call.path)
        added = record_of(await json_of(call.request, self._limits.settings), AddedSource)
        before = self._added.by_path.get(call.path)
        if before is not None:
            added = added.with_passwords_of(before)
        self._check(call.path, added)
        await self._added.put(call.path, added)
        self._kept.forget()
        return Response(status_code=204)

    async def _delete(self, call: Call) -> Response:
        call.caller.require(call.path)
        if not await self._added.remove(call.path):
            raise _no_source(call.path)
        self._kept.forget()
        return Response(status_code=204)

    async def _put_all(self, call: Call) -> Response:
        value = await json_of(call.request, self._limits.settings)
        if not isinstance(value, dict):
            raise HttpRefusal(422, "the body must be an object of paths", code="invalid")
        wanted: dict[str, AddedSource] = {}
        for name, each in value.items():
            path = _path_of(name)
            added = wanted[path] = record_of(each, AddedSource, where=shown(path))
            self._check(path, added)
        for path in wanted.keys() | self._added.by_path.keys():
            if wanted.get(path) != self._added.by_path.get(path):
                call.caller.require(path)
        await self._added.put_all(wanted)
        self._kept.forget()
        return Response(status_code=204)

    def _check(self, path: str, added: AddedSource) -> None:
        self._added.check(added)
        if path not in self._added.by_path and self._actions.is_planned(path):
            raise HttpRefusal(
                409,
                f"the configuration or the program has a source for {path}; change it there",
                code="source_taken",
            )


def _path_of(name: str) -> str:
    try:
        if not name.strip("/") or "?" in name or "#" in name:
            raise ValueError("it is empty, or has ? or #")
        path: Any = decoded_path("/" + name.strip("/").replace("%", "%25"))
    except (ProtocolError, ValueError, UnicodeError) as error:
        raise HttpRefusal(422, f"{shown(name)!r} is no path: {error}", code="invalid") from None
    return str(path)


def _no_source(path: str) -> HttpRefusal:
    return HttpRefusal(404, f"no source was added for {path} by the API", code="no_such_source")
