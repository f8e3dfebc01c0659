"""What a client and a server say to each other: requests, their answers, and the server's own.

Messages in, messages and events out. `ClientConversation` puts bytes around it; whoever has the
messages already, as a connection with its own parser, uses it as it is.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from headwater.protocol.client.login import Login
from headwater.protocol.client.quirks import (
    answered_session,
    asked_without_cseq,
    session_timeout_s,
)
from headwater.protocol.client.states import require_allowed, state_after_answer
from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.method_list import format_methods, parse_methods
from headwater.protocol.header.session import SessionHeader
from headwater.protocol.headers import Headers
from headwater.protocol.message import Request, Response
from headwater.protocol.method import Method
from headwater.protocol.session_states import SessionState
from headwater.protocol.status import Status

_MOST_WAITING = 16
"""Requests whose answers may be awaited at a time; of those that nobody awaits the oldest goes."""
_MOST_LOGINS = 3
"""A request is sent without credentials, with them, and once more where the nonce was stale."""
_MOST_STRAYS = 100
"""Answers to nothing that was asked, in a row, before the server is taken for broken."""

_ANSWERED = (Method.OPTIONS, Method.ANNOUNCE, Method.GET_PARAMETER, Method.SET_PARAMETER)
_ENDING = (Method.REDIRECT, Method.TEARDOWN)


@dataclass(eq=False, slots=True)
class Asked:
    """A request of this client.

    Attributes:
        method: its method.
        uri: its URI.
        awaited: whether somebody waits for its answer.
        sent: how often it was sent: again with credentials, after a 401.
        problem: why a 401 could not be answered; None where it could, or none came.
    """

    method: str
    uri: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    awaited: bool = True
    sent: int = 0
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The last answer to a request: whatever it says, nothing else is tried here."""

    asked: Asked
    response: Response


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An answer came and could not be read. `asked` is what it answers, None where unknown."""

    asked: Asked | None
    error: ProtocolError


@dataclass(frozen=True, slots=True)
class ServerAsked:
    """The server sent a request, which was answered. `ends` where it ends the session by it."""

    request: Request
    ends: bool


DialogueEvent = Answered | Unreadable | ServerAsked


@dataclass(slots=True)
class ClientDialogue:
    """One connection's dialogue, as the client has it.

    Attributes:
        user_agent: what the client calls itself, in every request: some cameras answer 401 to a
            DESCRIBE without it (go2rtc's issue 235).
        login: answers 401; None where there are no credentials.
        state: the client's state.
        session: the session that the server told; None before.
        public: the methods that the server says it has; empty while it has said nothing.
        server: what the server calls itself; "" while it has said nothing.
        strays: answers in a row that answer nothing that was asked.
    """

    user_agent: str
    login: Login | None = None
    state: SessionState = SessionState.INIT
    session: SessionHeader | None = None
    public: frozenset[str] = frozenset()
    server: str = ""
    strays: int = 0
    _cseq: int = 0
    _waiting: dict[int, Asked] = field(default_factory=dict)
    _to_send: deque[Request | Response] = field(default_factory=deque)

    @property
    def session_timeout_s(self) -> int:
        """After how many seconds without a request the server ends the session."""
        return session_timeout_s(self.session)

    @property
    def keep_alive_method(self) -> Method:
        """The method that keeps a session alive: GET_PARAMETER where the server offers it.

        RFC 2326 §10.8 names it for that. Cameras without it answer 501 or close; all have OPTIONS.
        """
        return Method.GET_PARAMETER if Method.GET_PARAMETER in self.public else Method.OPTIONS

    def ask(
        self,
        method: str,
        uri: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        *,
        awaited: bool = True,
    ) -> Asked:
        """Send a request; CSeq, User-Agent, Session and Authorization are added.

        Raises:
            StateError: the client's state does not allow the method.
            RuntimeError: 16 answers are awaited already.
        """
        require_allowed(self.state, method)
        if len(self._waiting) >= _MOST_WAITING:
            self._forget_oldest()
        asked = Asked(method, uri, tuple(headers), body, awaited)
        self._send(asked)
        return asked

    def give_up(self, asked: Asked) -> None:
        """Wait no longer for an answer; one that comes late is dropped."""
        self._waiting = {cseq: one for cseq, one in self._waiting.items() if one is not asked}

    def messages_to_send(self) -> list[Request | Response]:
        """Return what is to be sent now, in order; it is not returned again."""
        messages = list(self._to_send)
        self._to_send.clear()
        return messages

    def receive(self, message: Request | Response | ProtocolError) -> DialogueEvent | None:
        """Take what the parser made of the wire; None where nobody needs to know.

        Raises ProtocolError, fatal, for a server that answers ever more that was never asked.
        """
        match message:
            case Request():
                return self._server_asked(message)
            case Response():
                return self._answered(message)
        return self._unreadable(message)

    def _send(self, asked: Asked) -> None:
        self._cseq += 1
        headers = Headers([("CSeq", str(self._cseq)), ("User-Agent", self.user_agent)])
        if self.session is not None:
            headers.add("Session", self.session.id)
        for name, value in asked.headers:
            headers.add(name, value)
        if self.login is not None:
            authorization = self.login.authorization(asked.method, asked.uri)
            if authorization is not None:
                headers.add("Authorization", authorization)
        asked.sent += 1
        self._waiting[self._cseq] = asked
        self._to_send.append(Request(asked.method, asked.uri, headers, asked.body))

    def _forget_oldest(self) -> None:
        for cseq, asked in self._waiting.items():
            if not asked.awaited:
                del self._waiting[cseq]
                return
        raise RuntimeError(f"{_MOST_WAITING} requests wait for their answers already")

    def _answered(self, response: Response) -> DialogueEvent | None:
        if response.status < 200:
            # RFC 2326 §7.1.1: 100 says that the answer is still to come.
            return None
        asked = self._taken(response.cseq)
        if asked is None:
            self.strays += 1
            if self.strays > _MOST_STRAYS:
                raise ProtocolError(
                    f"{self.strays} answers to nothing that was asked", where="CSeq", fatal=True
                )
            return None
        self.strays = 0
        if response.status == Status.UNAUTHORIZED and self._may_log_in(asked, response):
            self._send(asked)
            return None
        self._learn(asked, response)
        return Answered(asked, response)

    def _taken(self, cseq: int | None) -> Asked | None:
        if cseq is not None:
            return self._waiting.pop(cseq, None)
        asked = asked_without_cseq([one for one in self._waiting.values() if one.awaited])
        if asked is not None:
            self.give_up(asked)
        return asked

    def _may_log_in(self, asked: Asked, response: Response) -> bool:
        """Return whether the request is worth sending again with the challenge of this 401."""
        if self.login is None:
            asked.problem = "no user name and password were given"
            return False
        # The second 401 is the last word, unless it was the nonce's age that was wrong.
        had_credentials = asked.sent > 1
        values = response.headers.get_all("WWW-Authenticate")
        asked.problem = self.login.take(values)
        if asked.problem is not None:
            return False
        if asked.sent < _MOST_LOGINS and (not had_credentials or self.login.is_stale):
            return True
        asked.problem = "the user name or the password is wrong"
        return False

    def _learn(self, asked: Asked, response: Response) -> None:
        ok = response.status // 100 == 2
        self.server = response.headers.get("Server") or self.server
        if ok and (methods := response.headers.get_list("Public")):
            self.public = frozenset(name.upper() for name in parse_methods(methods))
        if ok and asked.method in (Method.SETUP, Method.ANNOUNCE, Method.RECORD):
            self.session = answered_session(response.headers.get("Session"), self.session)
        if ok and asked.method == Method.TEARDOWN:
            self.session = None
        self.state = state_after_answer(self.state, asked.method, response.status)

    def _server_asked(self, request: Request) -> ServerAsked:
        """Answer what a server asks: cameras send OPTIONS to see whether the client is there."""
        known = request.method in _ANSWERED or request.method in _ENDING
        headers = Headers([("CSeq", request.headers.get("CSeq", "0"))])
        if session := request.headers.get("Session"):
            headers.add("Session", session)
        if request.method == Method.OPTIONS or not known:
            name = "Public" if known else "Allow"
            headers.add(name, format_methods((*_ANSWERED, *_ENDING)))
        status = Status.OK if known else Status.NOT_IMPLEMENTED
        self._to_send.append(Response(status, headers))
        ends = request.method in _ENDING
        if ends:
            self.state = SessionState.INIT
        return ServerAsked(request, ends)

    def _unreadable(self, error: ProtocolError) -> Unreadable:
        return Unreadable(self._taken(error.request_cseq), error)
