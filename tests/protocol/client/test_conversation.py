import pytest

from headwater.protocol.client.conversation import (
    Answered,
    ClientConversation,
    ConversationEvent,
    ServerAsked,
    Unreadable,
)
from headwater.protocol.client.login import Login
from headwater.protocol.errors import ProtocolError
from headwater.protocol.message import InterleavedFrames
from headwater.protocol.session_states import SessionState

URI = "rtsp://cam/stream1"
FRAME = b"$\x00\x00\x03abc"


def events(conversation: ClientConversation, data: bytes) -> list[ConversationEvent]:
    conversation.receive_data(data)
    return list(iter(conversation.next_event, None))


@pytest.fixture
def conversation() -> ClientConversation:
    return ClientConversation(user_agent="test/1")


def test_bytes_out_and_events_in_whatever_the_reads_bring(conversation: ClientConversation) -> None:
    asked = conversation.dialogue.ask("SETUP", URI)
    assert conversation.data_to_send() == (
        f"SETUP {URI} RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: test/1\r\n\r\n".encode()
    )
    assert conversation.data_to_send() == b""
    answer = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: 12\r\n\r\n"
    came = [event for byte in answer for event in events(conversation, bytes([byte]))]
    assert [type(event) for event in came] == [Answered]
    assert isinstance(came[0], Answered)
    assert came[0].asked is asked
    assert conversation.dialogue.state is SessionState.READY


def test_frames_and_requests_of_the_server_come_in_order(conversation: ClientConversation) -> None:
    options = b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n"
    came = events(conversation, FRAME + options + FRAME)
    assert [type(event) for event in came] == [InterleavedFrames, ServerAsked, InterleavedFrames]
    assert conversation.data_to_send().startswith(b"RTSP/1.0 200 OK\r\nCSeq: 7\r\nPublic: OPTIONS")


def test_a_challenge_is_answered_without_an_event() -> None:
    conversation = ClientConversation(
        user_agent="test/1", login=Login("eve", "secret", lambda: "random")
    )
    conversation.dialogue.ask("DESCRIBE", URI)
    conversation.data_to_send()
    challenge = b'RTSP/1.0 401 No\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm="cam"\r\n\r\n'
    assert events(conversation, challenge) == []
    assert b"CSeq: 2\r\n" in (again := conversation.data_to_send())
    assert b"Authorization: Basic ZXZlOnNlY3JldA==\r\n" in again


def test_an_answer_that_cannot_be_read_is_an_event(conversation: ClientConversation) -> None:
    asked = conversation.dialogue.ask("DESCRIBE", URI)
    came = events(conversation, b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n: no name\r\n\r\n" + FRAME)
    assert [type(event) for event in came] == [Unreadable, InterleavedFrames]
    assert isinstance(came[0], Unreadable)
    assert came[0].asked is asked


def test_what_cannot_be_followed_any_further_raises(conversation: ClientConversation) -> None:
    conversation.receive_data(b"RTSP/1.0 200 OK\r\nContent-Length: many\r\n\r\n")
    with pytest.raises(ProtocolError) as caught:
        conversation.next_event()
    assert caught.value.fatal
