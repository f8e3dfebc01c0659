import pytest

from headwater.protocol.client.states import (
    TRANSITIONS,
    require_allowed,
    state_after_answer,
)
from headwater.protocol.errors import StateError
from headwater.protocol.session_states import SessionState

INIT, READY = SessionState.INIT, SessionState.READY
PLAYING, RECORDING = SessionState.PLAYING, SessionState.RECORDING


@pytest.mark.parametrize(
    ("state", "method", "following"),
    [
        (INIT, "SETUP", READY),
        (INIT, "TEARDOWN", INIT),
        (INIT, "PLAY", None),
        (INIT, "RECORD", None),
        (INIT, "PAUSE", None),
        (READY, "SETUP", READY),
        (READY, "PLAY", PLAYING),
        (READY, "RECORD", RECORDING),
        (READY, "TEARDOWN", INIT),
        (READY, "PAUSE", None),
        (PLAYING, "SETUP", PLAYING),
        (PLAYING, "PLAY", PLAYING),
        (PLAYING, "PAUSE", READY),
        (PLAYING, "TEARDOWN", INIT),
        (PLAYING, "RECORD", None),
        (RECORDING, "SETUP", RECORDING),
        (RECORDING, "RECORD", RECORDING),
        (RECORDING, "PAUSE", READY),
        (RECORDING, "TEARDOWN", INIT),
        (RECORDING, "PLAY", None),
        (RECORDING, "REDIRECT", None),
    ],
)
def test_methods_that_move_a_client(
    state: SessionState, method: str, following: SessionState | None
) -> None:
    if following is not None:
        require_allowed(state, method)
        assert state_after_answer(state, method, 200) is following
        return
    with pytest.raises(StateError) as caught:
        require_allowed(state, method)
    assert f"{method} by a client that is {state}" in str(caught.value)
    assert method not in caught.value.allow
    assert set(TRANSITIONS[state]) < set(caught.value.allow)


@pytest.mark.parametrize(
    "method", ["OPTIONS", "DESCRIBE", "ANNOUNCE", "GET_PARAMETER", "SET_PARAMETER"]
)
@pytest.mark.parametrize("state", SessionState)
def test_methods_that_a_client_may_always_send(state: SessionState, method: str) -> None:
    require_allowed(state, method)
    assert state_after_answer(state, method, 200) is state


@pytest.mark.parametrize(
    ("status", "following"),
    [(100, READY), (201, PLAYING), (302, INIT), (404, READY), (455, READY), (503, READY)],
)
def test_what_the_kind_of_an_answer_does(status: int, following: SessionState) -> None:
    assert state_after_answer(READY, "PLAY", status) is following
