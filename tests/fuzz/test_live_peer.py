"""The peer of the live fuzz: it holds a server to its answers, and is quiet about right ones."""

import asyncio
from typing import cast

import pytest
from fuzz.live.peer import Peer, Shared

RIGHT = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: 12ab;timeout=5\r\nContent-Length: 2\r\n\r\nhi"


class NoTransport:
    def write_eof(self) -> None:
        return

    def abort(self) -> None:
        return


def asked(*cseqs: int | None) -> Peer:
    peer = Peer("peer", Shared())
    peer.connection_made(cast("asyncio.Transport", NoTransport()))
    for cseq in cseqs:
        peer.ask(cseq, "PLAY")
    return peer


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_right_answers_however_they_are_cut(step: int) -> None:
    peer = asked(1, None)
    stream = b"$\x00\x00\x03abc" + RIGHT + b"RTSP/1.0 400 Bad Request\r\n\r\n$\x01\x00\x00"

    for at in range(0, len(stream), step):
        peer.data_received(stream[at : at + step])

    shared = peer.shared
    assert not shared.findings
    assert shared.waiting == 0
    assert (shared.frames, list(shared.sessions)) == (2, ["12ab"])
    assert shared.answers == {("PLAY", 200): 1, ("PLAY", 400): 1}


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (RIGHT.replace(b"CSeq: 1", b"CSeq: 2"), "CSeq b'2' where 1"),
        (RIGHT.replace(b"CSeq: 1\r\n", b""), "CSeq None where 1"),
        (RIGHT.replace(b"200 OK", b"500 Internal Server Error"), "500 to PLAY"),
        (RIGHT.replace(b"RTSP/1.0", b"RTSP/2.0"), "status line"),
        (RIGHT.replace(b"Session: ", b"Session "), "header line"),
        (RIGHT + RIGHT, "to nothing that was asked"),
    ],
)
def test_wrong_answers(answer: bytes, what: str) -> None:
    peer = asked(1)

    peer.data_received(answer)

    assert any(what in finding for finding in peer.shared.findings), peer.shared.findings


def test_a_close_instead_of_an_answer() -> None:
    peer = asked(1, 2)

    peer.connection_lost(None)

    assert "unanswered" in peer.shared.findings[0]
    assert peer.shared.waiting == 0


def test_a_close_after_the_peer_said_its_end() -> None:
    peer = asked(1)
    peer.end()

    peer.connection_lost(None)

    assert not peer.shared.findings
    assert peer.shared.waiting == 0


def test_a_server_may_close_the_connection_of_a_session_that_it_ended() -> None:
    peer = asked(1, 2)
    peer.data_received(RIGHT)

    peer.connection_lost(None)

    assert not peer.shared.findings
