"""The operation that tells who may what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from starlette.responses import Response

from headwater.access.decision import Action
from headwater.api.answers import list_text, response
from headwater.api.caller import Callers
from headwater.api.operation import Call, Listed, Operation, Shape
from headwater.api.query import PAGING
from headwater.api.view import ServerView
from headwater.control.lists import ListWanted, part_of


class HolderKind(StrEnum):
    """Of whom rights are told."""

    ANYBODY = "anybody"
    """Who shows no credentials."""
    TOKEN = "token"  # noqa: S105 - the word, no secret
    """A program, with a token of `api.tokens`."""
    USER = "user"
    """A user of `access.users`."""


@dataclass(frozen=True, slots=True)
class UserRights:
    """The patterns of paths that somebody may publish, read, look at and control.

    Of signed tokens, hooks and the owner's server nothing is known before they are asked.
    """

    kind: HolderKind
    name: str
    publish: tuple[str, ...]
    read: tuple[str, ...]
    look: tuple[str, ...]
    control: tuple[str, ...]


class Users:
    """Tells the rights of everybody whom the settings name, without passwords and tokens."""

    def __init__(self, view: ServerView, callers: Callers) -> None:
        self._view = view
        self._callers = callers

    def operations(self) -> tuple[Operation, ...]:
        """Return the part of the table."""
        return (
            Operation(
                id="listUsers",
                method="GET",
                address="/v1/users",
                action=Action.CONTROL,
                of_server=True,
                summary="Users and tokens of the settings, and anybody else, with their rights.",
                run=self._users,
                parameters=PAGING,
                answer=Listed(Shape(UserRights)),
            ),
        )

    async def _users(self, call: Call) -> Response:
        wanted = ListWanted(after=call.query["after"], limit=call.query["limit"])
        part = part_of(_everybody(self._callers), wanted, _key_of)
        head = {
            "clock_s": self._view.clock_s(),
            "total": part.total,
            "next": _key_of(part.items[-1]) if part.more and part.items else None,
        }
        return response(await list_text(head, part.items))


def _everybody(callers: Callers) -> Iterator[UserRights]:
    authenticator = callers.authenticator
    publishes, reads = (
        authenticator.anonymous_patterns(action) for action in (Action.PUBLISH, Action.PLAY)
    )
    yield UserRights(HolderKind.ANYBODY, "", publishes, reads, (), ())
    for token in callers.tokens:
        yield UserRights(HolderKind.TOKEN, token.name, (), (), token.look, token.control)
    for user in authenticator.settings.users:
        yield UserRights(
            HolderKind.USER, user.name, user.publish, user.read, user.look, user.control
        )


def _key_of(rights: UserRights) -> str:
    return f"{rights.kind} {rights.name}"
