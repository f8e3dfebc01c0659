from dataclasses import dataclass, field

import pytest

from headwater.protocol.client.dialogue import (
    Answered,
    Asked,
    ClientDialogue,
    DialogueEvent,
    ServerAsked,
    Unreadable,
)
from headwater.protocol.client.login import Login
from headwater.protocol.errors import ProtocolError, StateError
from headwater.protocol.header.session import SessionHeader
from headwater.protocol.headers import Headers
from headwater.protocol.message import Request, Response
from headwater.protocol.method import Method
from headwater.protocol.session_states import SessionState

URI = "rtsp://cam/stream1"
CHALLENGE = ("WWW-Authenticate", 'Digest realm="cam", nonce="n"')
STALE = (CHALLENGE[0], f"{CHALLENGE[1]}, stale=true")


@dataclass
class Talk:
    """A dialogue, and the other end of it."""

    dialogue: ClientDialogue = field(default_factory=lambda: ClientDialogue("test/1"))

    def ask(self, method: str, *, awaited: bool = True) -> Asked:
        return self.dialogue.ask(method, URI, awaited=awaited)

    def sent(self) -> list[Request]:
        messages = self.dialogue.messages_to_send()
        return [message for message in messages if isinstance(message, Request)]

    def answer(
        self, status: int = 200, *headers: tuple[str, str], cseq: int | None = None
    ) -> DialogueEvent | None:
        """Answer the request with this CSeq, of those to be sent the last."""
        if cseq is None:
            (*_, request) = self.sent()
            cseq = int(request.headers.get("CSeq", ""))
        told = [("CSeq", str(cseq))] if cseq else []
        return self.dialogue.receive(Response(status, Headers([*told, *headers])))

    def asked_by_server(
        self, method: str, *headers: tuple[str, str]
    ) -> tuple[ServerAsked, Response]:
        event = self.dialogue.receive(Request(method, "*", Headers(headers)))
        assert isinstance(event, ServerAsked)
        (response,) = self.dialogue.messages_to_send()
        assert isinstance(response, Response)
        return event, response


@pytest.fixture
def talk() -> Talk:
    return Talk()


def with_login() -> Talk:
    return Talk(ClientDialogue("test/1", Login("eve", "secret", lambda: "random")))


def test_a_request_has_what_every_request_has(talk: Talk) -> None:
    asked = talk.dialogue.ask("SETUP", URI, [("Transport", "RTP/AVP/TCP")], b"body")
    assert talk.sent() == [
        Request(
            "SETUP",
            URI,
            Headers([("CSeq", "1"), ("User-Agent", "test/1"), ("Transport", "RTP/AVP/TCP")]),
            b"body",
        )
    ]
    assert talk.sent() == []
    event = talk.answer(200, ("Session", "12;timeout=30"), ("Server", "cam/2"), cseq=1)
    assert isinstance(event, Answered)
    assert event.asked is asked
    assert talk.dialogue.state is SessionState.READY
    assert talk.dialogue.session == SessionHeader("12", 30)
    assert talk.dialogue.session_timeout_s == 30
    assert talk.dialogue.server == "cam/2"
    talk.ask("PLAY")
    (play,) = talk.sent()
    assert [(play.headers.get(name)) for name in ("CSeq", "Session")] == ["2", "12"]


def test_a_method_that_the_state_refuses_is_not_sent(talk: Talk) -> None:
    with pytest.raises(StateError):
        talk.ask("PLAY")
    assert talk.sent() == []


@pytest.mark.parametrize(
    ("answers", "state", "session"),
    [
        ([("SETUP", 200)], SessionState.READY, "12"),
        ([("SETUP", 404)], SessionState.INIT, None),
        ([("SETUP", 200), ("PLAY", 200)], SessionState.PLAYING, "12"),
        ([("SETUP", 200), ("PLAY", 404)], SessionState.READY, "12"),
        ([("SETUP", 200), ("PLAY", 302)], SessionState.INIT, "12"),
        ([("ANNOUNCE", 200), ("SETUP", 200), ("RECORD", 200)], SessionState.RECORDING, "12"),
        ([("ANNOUNCE", 200)], SessionState.INIT, "12"),
        ([("DESCRIBE", 200)], SessionState.INIT, None),
        ([("SETUP", 200), ("TEARDOWN", 200)], SessionState.INIT, None),
        ([("SETUP", 200), ("TEARDOWN", 454)], SessionState.READY, "12"),
    ],
)
def test_what_answers_do_to_state_and_session(
    talk: Talk, answers: list[tuple[str, int]], state: SessionState, session: str | None
) -> None:
    for method, status in answers:
        talk.ask(method)
        talk.answer(status, ("Session", "12"))
    assert talk.dialogue.state is state
    assert (talk.dialogue.session and talk.dialogue.session.id) == session


@pytest.mark.parametrize(
    ("status", "public", "method"),
    [
        (200, "OPTIONS, GET_PARAMETER", Method.GET_PARAMETER),
        (200, "options, get_parameter", Method.GET_PARAMETER),
        (200, "OPTIONS, PLAY", Method.OPTIONS),
        (200, "", Method.OPTIONS),
        (400, "OPTIONS, GET_PARAMETER", Method.OPTIONS),
    ],
)
def test_what_keeps_a_session_alive(talk: Talk, status: int, public: str, method: Method) -> None:
    talk.ask("OPTIONS")
    talk.answer(status, ("Public", public))
    assert talk.dialogue.keep_alive_method is method


def test_answers_that_are_still_to_come_tell_nobody(talk: Talk) -> None:
    talk.ask("DESCRIBE")
    talk.sent()
    assert talk.answer(100, cseq=1) is None
    assert isinstance(talk.answer(200, cseq=1), Answered)


def test_an_answer_without_cseq_is_that_of_the_only_request_that_is_awaited(talk: Talk) -> None:
    keep_alive, describe = talk.ask("OPTIONS", awaited=False), talk.ask("DESCRIBE")
    talk.sent()
    event = talk.answer(401, cseq=0)
    assert isinstance(event, Answered)
    assert event.asked is describe
    event = talk.answer(200, cseq=1)
    assert isinstance(event, Answered)
    assert event.asked is keep_alive


def test_a_late_answer_to_what_was_given_up_is_dropped(talk: Talk) -> None:
    late, other = talk.ask("DESCRIBE"), talk.ask("OPTIONS")
    talk.sent()
    talk.dialogue.give_up(late)
    assert talk.answer(200, cseq=1) is None
    assert talk.dialogue.strays == 1
    event = talk.answer(200, cseq=2)
    assert isinstance(event, Answered)
    assert event.asked is other
    assert talk.dialogue.strays == 0


@pytest.mark.parametrize("cseq", [0, 77])
def test_a_server_that_answers_what_nobody_asked_is_given_up(talk: Talk, cseq: int) -> None:
    for _ in range(100):
        assert talk.answer(200, cseq=cseq) is None
    with pytest.raises(ProtocolError, match="101 answers to nothing that was asked") as caught:
        talk.answer(200, cseq=cseq)
    assert caught.value.fatal


def test_of_requests_that_nobody_awaits_the_oldest_is_forgotten(talk: Talk) -> None:
    awaited = talk.ask("DESCRIBE")
    for _ in range(16):
        talk.ask("OPTIONS", awaited=False)
    talk.sent()
    assert talk.answer(200, cseq=2) is None
    assert isinstance(talk.answer(200, cseq=3), Answered)
    event = talk.answer(200, cseq=1)
    assert isinstance(event, Answered)
    assert event.asked is awaited


def test_no_more_answers_are_awaited_than_a_bound(talk: Talk) -> None:
    for _ in range(16):
        talk.ask("DESCRIBE")
    with pytest.raises(RuntimeError, match="16 requests wait for their answers already"):
        talk.ask("DESCRIBE")
    assert len(talk.sent()) == 16


@pytest.mark.parametrize(
    ("answers", "sent", "problem"),
    [
        ([(401, CHALLENGE), (200, None)], 2, None),
        ([(401, CHALLENGE), (401, STALE), (200, None)], 3, None),
        ([(401, CHALLENGE), (401, CHALLENGE)], 2, "the user name or the password is wrong"),
        ([(401, CHALLENGE), (401, STALE), (401, STALE)], 3, "the user name or the password is"),
        ([(401, None)], 1, "it offers no challenge"),
        ([(401, CHALLENGE), (401, None)], 2, "it offers no challenge"),
    ],
)
def test_how_often_a_request_is_sent_with_credentials(
    answers: list[tuple[int, tuple[str, str] | None]], sent: int, problem: str | None
) -> None:
    talk = with_login()
    asked = talk.ask("DESCRIBE")
    *before, last = (talk.answer(status, *([told] if told else [])) for status, told in answers)
    assert before == [None] * (len(answers) - 1)
    assert isinstance(last, Answered)
    assert last.response.status == answers[-1][0]
    assert asked.sent == sent
    assert (asked.problem or "").startswith(problem or "")
    assert (asked.problem is None) == (problem is None)


def test_what_is_sent_again_has_a_cseq_and_a_proof_of_its_own() -> None:
    talk = with_login()
    talk.dialogue.ask("DESCRIBE", URI, [("Accept", "application/sdp")])
    talk.answer(401, CHALLENGE)
    (again,) = talk.sent()
    assert again.method == "DESCRIBE"
    assert again.headers.get("CSeq", "") == "2"
    assert again.headers.get("Accept", "") == "application/sdp"
    assert again.headers.get("Authorization", "").startswith('Digest username="eve"')


def test_without_credentials_a_401_is_the_answer(talk: Talk) -> None:
    asked = talk.ask("DESCRIBE")
    assert isinstance(talk.answer(401, CHALLENGE), Answered)
    assert asked.problem == "no user name and password were given"


@pytest.mark.parametrize(
    ("method", "status", "allow", "ends"),
    [
        ("OPTIONS", 200, "Public", False),
        ("GET_PARAMETER", 200, None, False),
        ("SET_PARAMETER", 200, None, False),
        ("ANNOUNCE", 200, None, False),
        ("REDIRECT", 200, None, True),
        ("TEARDOWN", 200, None, True),
        ("PLAY", 501, "Allow", False),
        ("NONSENSE", 501, "Allow", False),
    ],
)
def test_what_a_server_asks_is_answered(
    talk: Talk, method: str, status: int, allow: str | None, ends: bool
) -> None:
    talk.dialogue.state = SessionState.PLAYING
    event, response = talk.asked_by_server(method, ("CSeq", "9"), ("Session", "12"))
    assert event.request.method == method
    assert event.ends is ends
    assert (talk.dialogue.state is SessionState.INIT) is ends
    assert response.status == status
    assert (response.headers.get("CSeq", ""), response.headers.get("Session", "")) == ("9", "12")
    named = [name for name in ("Public", "Allow") if name in response.headers]
    assert named == ([allow] if allow else [])


def test_a_server_that_tells_neither_cseq_nor_session_is_answered(talk: Talk) -> None:
    _, response = talk.asked_by_server("OPTIONS")
    assert response.headers.get("CSeq", "") == "0"
    assert "Session" not in response.headers


@pytest.mark.parametrize(("cseq", "known"), [(1, True), (5, False), (None, True)])
def test_an_answer_that_cannot_be_read_is_told(talk: Talk, cseq: int | None, known: bool) -> None:
    asked = talk.ask("DESCRIBE")
    error = ProtocolError("no", request_cseq=cseq)
    assert talk.dialogue.receive(error) == Unreadable(asked if known else None, error)
