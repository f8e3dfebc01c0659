"""The states of a client and what the answer to each method does to them (RFC 2326 A.1).

A client moves when an answer has come, not when it asks. OPTIONS, DESCRIBE, GET_PARAMETER and
SET_PARAMETER touch no state, and neither does ANNOUNCE, which A.1 leaves out.
"""

from headwater.protocol.errors import StateError
from headwater.protocol.method import Method
from headwater.protocol.session_states import SessionState

_ANYWHERE = frozenset(
    {
        Method.OPTIONS,
        Method.DESCRIBE,
        Method.ANNOUNCE,
        Method.GET_PARAMETER,
        Method.SET_PARAMETER,
    }
)

TRANSITIONS: dict[SessionState, dict[str, SessionState]] = {
    SessionState.INIT: {
        Method.SETUP: SessionState.READY,
        Method.TEARDOWN: SessionState.INIT,
    },
    SessionState.READY: {
        Method.SETUP: SessionState.READY,
        Method.PLAY: SessionState.PLAYING,
        Method.RECORD: SessionState.RECORDING,
        Method.TEARDOWN: SessionState.INIT,
    },
    SessionState.PLAYING: {
        Method.SETUP: SessionState.PLAYING,
        Method.PLAY: SessionState.PLAYING,
        Method.PAUSE: SessionState.READY,
        Method.TEARDOWN: SessionState.INIT,
    },
    SessionState.RECORDING: {
        Method.SETUP: SessionState.RECORDING,
        Method.RECORD: SessionState.RECORDING,
        Method.PAUSE: SessionState.READY,
        Method.TEARDOWN: SessionState.INIT,
    },
}
"""state → method → state once the method was answered with success."""


def require_allowed(state: SessionState, method: str) -> None:
    """Raise StateError where a client in this state may not send the method."""
    moves = TRANSITIONS[state]
    if method not in _ANYWHERE and method not in moves:
        allowed = tuple(str(one) for one in Method if one in _ANYWHERE or one in moves)
        raise StateError(
            f"{method} by a client that is {state}; it may {', '.join(allowed)}", allow=allowed
        )


def state_after_answer(state: SessionState, method: str, status: int) -> SessionState:
    """Return the state of a client after an answer.

    RFC 2326 A.1: 1xx and 4xx change nothing, 2xx moves by the table, 3xx leads to INIT. 5xx, which
    it leaves out, is as 4xx.
    """
    match status // 100:
        case 2:
            return TRANSITIONS[state].get(method, state)
        case 3:
            return SessionState.INIT
    return state
