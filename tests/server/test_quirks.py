"""What clients leave out, rule by rule; the same over the wire is in the tests of each method."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from rtsp_peer import SDP

from headwater.protocol.errors import ProtocolError
from headwater.protocol.method import Method
from headwater.protocol.sdp import SessionDescription
from headwater.protocol.session_states import SessionState
from headwater.relay.end import EndIdentity, EndKind
from headwater.server import quirks
from headwater.server.sessions.session import PublisherSession, ReaderSession
from headwater.side import Side
from headwater.transports.settings import TransportKind


def publisher(state: SessionState, made_up_id: str | None = None) -> PublisherSession:
    """A publisher's session."""
    session = PublisherSession(
        identity(Side.PUBLISH, "/a"),
        CONNECTION,
        0.0,
        presentation=SessionDescription.parse(SDP),
        made_up_id=made_up_id,
    )
    session._state = state
    return session


def reading(
    state: SessionState = SessionState.READY,
    transport: TransportKind = TransportKind.TCP,
    path: str = "/a",
    tracks: tuple[int, ...] = (0,),
) -> ReaderSession:
    """A reader's session over TCP, with its first track set up."""
    session = ReaderSession(identity(Side.PLAY, path), CONNECTION, 0.0, query="")
    session._state, session.transport = state, transport
    session.reader = SimpleNamespace(track_indexes=tracks)  # type: ignore[assignment]
    return session


def identity(side: Side, path: str) -> EndIdentity:
    return EndIdentity(id="1", kind=EndKind.RTSP, side=side, path=path)


CONNECTION: Any = SimpleNamespace(sessions={})
ANNOUNCED = publisher(SessionState.INIT)
SET_UP = publisher(SessionState.READY)
RECORDING = publisher(SessionState.RECORDING)
READER = reading()


@pytest.mark.parametrize(
    ("value", "session_id"), [(None, None), ("", None), ("12", "12"), ("12;timeout=60", "12")]
)
def test_an_empty_session_header_names_none(value: str | None, session_id: str | None) -> None:
    assert quirks.named_session_id(value) == session_id


def test_a_session_header_with_a_timeout_alone_is_refused() -> None:
    with pytest.raises(ProtocolError, match="no session identifier in Session"):
        quirks.named_session_id(";timeout=60")


MADE_UP = publisher(SessionState.INIT, made_up_id="7")


@pytest.mark.parametrize(
    ("sessions", "meant"),
    [([], None), ([ANNOUNCED, MADE_UP], MADE_UP), ([ANNOUNCED], None), ([MADE_UP, MADE_UP], None)],
)
def test_an_id_made_up_for_announce_means_its_session(sessions: list[Any], meant: Any) -> None:
    assert quirks.session_of_made_up_id(sessions, "7") is meant


@pytest.mark.parametrize(
    ("session", "joins"),
    [
        (reading(), True),
        (reading(tracks=(0, 2)), True),
        (reading(tracks=(0, 1)), False),
        (reading(path="/b"), False),
        (reading(state=SessionState.PLAYING), False),
        (reading(transport=TransportKind.UDP), False),
        (SET_UP, False),
    ],
)
def test_setup_of_another_track_joins_the_session_before_it(session: Any, joins: bool) -> None:
    assert quirks.session_of_setup([session], "/a", 1) is (session if joins else None)
    assert quirks.session_of_setup([session, reading()], "/a", 1) is not session


@pytest.mark.parametrize(
    ("method", "body", "is_understood"),
    [
        (Method.GET_PARAMETER, b"", True),
        (Method.GET_PARAMETER, b"position\r\n", True),
        (Method.SET_PARAMETER, b"", True),
        (Method.SET_PARAMETER, b"\r\n", True),
        (Method.SET_PARAMETER, b"ping: yes\r\n", False),
    ],
)
def test_asking_for_a_parameter_is_a_ping(method: Method, body: bytes, is_understood: bool) -> None:
    assert quirks.understood_parameters(method, body) is is_understood


@pytest.mark.parametrize(
    ("sessions", "meant"),
    [
        ([], None),
        ([ANNOUNCED], ANNOUNCED),
        ([READER, SET_UP, RECORDING], SET_UP),
        ([READER], None),
        ([RECORDING], None),
        ([ANNOUNCED, SET_UP], None),
    ],
)
def test_setup_without_a_session_goes_on_with_announce(sessions: list[Any], meant: Any) -> None:
    assert quirks.session_of_announce(sessions) is meant


@pytest.mark.parametrize(
    ("sessions", "meant"), [([], None), ([READER], READER), ([READER, RECORDING], None)]
)
def test_request_without_a_session_means_the_only_one(sessions: list[Any], meant: Any) -> None:
    assert quirks.only_session(sessions) is meant


@pytest.mark.parametrize(
    ("index", "count", "track"), [(None, 1, 0), (None, 2, None), (1, 2, 1), (7, 1, 7)]
)
def test_url_without_a_control_means_the_only_track(
    index: int | None, count: int, track: int | None
) -> None:
    assert quirks.track_of_url_without_control(index, count) == track


@pytest.mark.parametrize(
    ("timeout_s", "margin_s", "told_s"),
    [(30.0, 5.0, 25), (60.0, 10.0, 50), (8.0, 5.0, 4), (2.5, 0.5, 2), (1.0, 5.0, 1)],
)
def test_told_timeout_is_below_the_real_one(timeout_s: float, margin_s: float, told_s: int) -> None:
    assert quirks.told_timeout_s(timeout_s, margin_s) == told_s


VLC = "LibVLC/3.0.24 (LIVE555 Streaming Media v2026.10.17)"


@pytest.mark.parametrize(
    ("user_agent", "transport", "waits"),
    [
        (VLC, TransportKind.TCP, True),
        (VLC, TransportKind.UDP, False),
        (VLC, TransportKind.MULTICAST, False),
        ("yellowstone/3.x", TransportKind.TCP, True),
        ("yellowstone/3.x", TransportKind.UDP, False),
        ("Lavf59.27.100", TransportKind.TCP, False),
        ("", TransportKind.TCP, False),
        (VLC, None, False),
    ],
)
def test_who_loses_what_comes_too_early_is_given_time_before_the_kept_packets(
    user_agent: str, transport: TransportKind | None, waits: bool
) -> None:
    assert (quirks.pause_before_kept_packets_s(user_agent, transport) > 0) is waits
