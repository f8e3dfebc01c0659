import pytest

from headwater.protocol.errors import StateError
from headwater.protocol.method import Method
from headwater.protocol.session_states import (
    SessionState,
    allowed_methods,
    next_state,
)
from headwater.side import Side

INIT, READY = SessionState.INIT, SessionState.READY
PLAYING, RECORDING = SessionState.PLAYING, SessionState.RECORDING

READER = [
    (INIT, "SETUP", READY),
    (INIT, "TEARDOWN", INIT),
    (INIT, "PLAY", None),
    (INIT, "PAUSE", None),
    (READY, "SETUP", READY),
    (READY, "PLAY", PLAYING),
    (READY, "PAUSE", READY),
    (READY, "TEARDOWN", INIT),
    (READY, "RECORD", None),
    (READY, "ANNOUNCE", None),
    (PLAYING, "PLAY", PLAYING),
    (PLAYING, "PAUSE", READY),
    (PLAYING, "TEARDOWN", INIT),
    (PLAYING, "SETUP", None),
    (RECORDING, "PLAY", None),
    (PLAYING, "NONSENSE", None),
]
PUBLISHER = [
    (INIT, "ANNOUNCE", INIT),
    (INIT, "SETUP", READY),
    (INIT, "RECORD", None),
    (READY, "SETUP", READY),
    (READY, "RECORD", RECORDING),
    (READY, "PLAY", None),
    (READY, "ANNOUNCE", None),
    (READY, "PAUSE", READY),
    (RECORDING, "RECORD", RECORDING),
    (RECORDING, "PAUSE", READY),
    (RECORDING, "TEARDOWN", INIT),
    (RECORDING, "SETUP", None),
    (RECORDING, "ANNOUNCE", None),
]
CASES = [(Side.PLAY, *case) for case in READER] + [(Side.PUBLISH, *case) for case in PUBLISHER]


@pytest.mark.parametrize(("role", "state", "method", "following"), CASES)
def test_next_state(
    role: Side, state: SessionState, method: str, following: SessionState | None
) -> None:
    if following is not None:
        assert next_state(state, method, role) is following
        return
    with pytest.raises(StateError) as caught:
        next_state(state, method, role)
    assert caught.value.status == 455
    assert method not in caught.value.allow
    assert caught.value.allow == tuple(allowed_methods(state, role))
    assert method in str(caught.value)


@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE", "GET_PARAMETER", "SET_PARAMETER"])
@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("role", Side)
def test_methods_that_touch_no_state(role: Side, state: SessionState, method: str) -> None:
    assert next_state(state, method, role) is state
    assert method in allowed_methods(state, role)


def test_the_role_may_be_its_value() -> None:
    assert next_state(READY, Method.PLAY, "play") is PLAYING
