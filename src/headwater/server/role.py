"""The two sides of a mount, and which methods belong to each."""

from __future__ import annotations

from enum import StrEnum

from headwater.protocol.method import Method


class Role(StrEnum):
    """What a session does on its mount; a listener serves one role or both."""

    PUBLISH = "publish"
    PLAY = "play"


EITHER_ROLE = frozenset(Role)

ROLES_BY_METHOD: dict[Method, frozenset[Role]] = {
    Method.OPTIONS: EITHER_ROLE,
    Method.ANNOUNCE: frozenset({Role.PUBLISH}),
    Method.DESCRIBE: frozenset({Role.PLAY}),
    Method.SETUP: EITHER_ROLE,
    Method.PLAY: frozenset({Role.PLAY}),
    Method.RECORD: frozenset({Role.PUBLISH}),
    Method.PAUSE: EITHER_ROLE,
    Method.TEARDOWN: EITHER_ROLE,
    Method.GET_PARAMETER: EITHER_ROLE,
    Method.SET_PARAMETER: EITHER_ROLE,
}


def methods_of(roles: frozenset[Role]) -> list[Method]:
    """The methods that a listener with these roles serves, in the order of RFC 2326 §10."""
    return [method for method, served in ROLES_BY_METHOD.items() if served & roles]
