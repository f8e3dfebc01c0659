"""The states of a session and what each method does to them (RFC 2326 A.2).

SETUP of a session that runs is refused with 455, as RFC 2326 §10.4 leaves to the server. ANNOUNCE,
which A.2 leaves out, begins a session here, and TEARDOWN ends it also before a SETUP. The one
departure is in `quirks.py`: what changes nothing in READY.
"""

from enum import StrEnum

from headwater.protocol.errors import StateError
from headwater.protocol.method import Method
from headwater.protocol.quirks import METHODS_WITHOUT_EFFECT
from headwater.side import Side


class SessionState(StrEnum):
    """States of RFC 2326 A.2."""

    INIT = "init"
    READY = "ready"
    PLAYING = "playing"
    RECORDING = "recording"


_Table = dict[SessionState, dict[str, SessionState]]

_ANYWHERE = (Method.OPTIONS, Method.DESCRIBE, Method.GET_PARAMETER, Method.SET_PARAMETER)

_READER: _Table = {
    SessionState.INIT: {
        Method.SETUP: SessionState.READY,
        Method.TEARDOWN: SessionState.INIT,
    },
    SessionState.READY: {
        Method.SETUP: SessionState.READY,
        Method.PLAY: SessionState.PLAYING,
        Method.TEARDOWN: SessionState.INIT,
    },
    SessionState.PLAYING: {
        Method.PLAY: SessionState.PLAYING,
        Method.PAUSE: SessionState.READY,
        Method.TEARDOWN: SessionState.INIT,
    },
}

_PUBLISHER: _Table = {
    SessionState.INIT: {
        Method.ANNOUNCE: SessionState.INIT,
        Method.SETUP: SessionState.READY,
        Method.TEARDOWN: SessionState.INIT,
    },
    SessionState.READY: {
        Method.SETUP: SessionState.READY,
        Method.RECORD: SessionState.RECORDING,
        Method.TEARDOWN: SessionState.INIT,
    },
    SessionState.RECORDING: {
        Method.RECORD: SessionState.RECORDING,
        Method.PAUSE: SessionState.READY,
        Method.TEARDOWN: SessionState.INIT,
    },
}


def _with_quirks(table: _Table) -> _Table:
    return {
        state: moves | dict.fromkeys(METHODS_WITHOUT_EFFECT.get(state, ()), state)
        for state, moves in table.items()
    }


TRANSITIONS: dict[str, _Table] = {
    Side.PLAY: _with_quirks(_READER),
    Side.PUBLISH: _with_quirks(_PUBLISHER),
}
"""side → state → method → next state. Methods that touch no state are not in it."""


def allowed_methods(state: SessionState, side: str) -> tuple[Method, ...]:
    """Return the methods that the state allows, for the Allow header."""
    moves = TRANSITIONS[side].get(state, {})
    return tuple(method for method in Method if method in _ANYWHERE or method in moves)


def next_state(state: SessionState, method: str, side: str) -> SessionState:
    """Return the state after the method was carried out on the whole session.

    The side is a `Side` or its value.

    TEARDOWN of one track among several leaves the state as it is; the caller knows.

    Raises:
        StateError: 455 with the methods that are allowed.
    """
    if method in _ANYWHERE:
        return state
    following = TRANSITIONS[side].get(state, {}).get(method)
    if following is None:
        allowed = allowed_methods(state, side)
        raise StateError(
            f"{method} of a {Side(side).person} that is {state}; it may {', '.join(allowed)}",
            allow=tuple(str(name) for name in allowed),
        )
    return following
