"""Which methods belong to which side of a mount."""

from __future__ import annotations

from headwater.protocol.method import Method
from headwater.side import Side

EITHER_SIDE = frozenset(Side)

SIDES_BY_METHOD: dict[Method, frozenset[Side]] = {
    Method.OPTIONS: EITHER_SIDE,
    Method.ANNOUNCE: frozenset({Side.PUBLISH}),
    Method.DESCRIBE: frozenset({Side.PLAY}),
    Method.SETUP: EITHER_SIDE,
    Method.PLAY: frozenset({Side.PLAY}),
    Method.RECORD: frozenset({Side.PUBLISH}),
    Method.PAUSE: EITHER_SIDE,
    Method.TEARDOWN: EITHER_SIDE,
    Method.GET_PARAMETER: EITHER_SIDE,
    Method.SET_PARAMETER: EITHER_SIDE,
}


def methods_of(sides: frozenset[Side]) -> list[Method]:
    """Return the methods that a listener for these sides serves, in the order of RFC 2326 §10."""
    return [method for method, served in SIDES_BY_METHOD.items() if served & sides]


class ServedPorts(dict[Side, int]):
    """The port that each side uses, once it is bound."""

    def where_served(self, method: Method) -> str:
        """Return which port takes a method, in words for the peer that asked on the wrong one."""
        return " and ".join(
            f"{side.person}s use port {self[side]}"
            for side in Side
            if side in SIDES_BY_METHOD[method] and side in self
        )
