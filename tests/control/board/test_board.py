"""The board: a card for each path that has a mount or a source."""

from __future__ import annotations

from dataclasses import replace

import pytest
from board_rig import MakeMount, MakeStatus

from headwater.control.board.board import Board
from headwater.control.board.card import CardState
from headwater.control.status import NodeStatus, WorkerStatus
from headwater.media.states import MountState
from headwater.protocol.session_states import SessionState
from headwater.relay.end import EndKind, SessionSnapshot
from headwater.side import Side
from headwater.sources.snapshot import CandidateSnapshot, SourceSnapshot
from headwater.sources.state import SourceState


def session(number: int, role: Side, path: str = "/cam") -> SessionSnapshot:
    return SessionSnapshot(
        id="p" if role is Side.PUBLISH else f"r{number}",
        role=role,
        path=path,
        state=SessionState.PLAYING,
        transport="tcp",
        peer="192.0.2.1:5000",
        user_agent="",
        username="ann",
        tracks=(0,),
        opened_s=100.0,
        last_seen_s=120.0,
        kind=EndKind.WEBRTC,
    )


def source(state: SourceState, error: str = "", *, on_demand: bool = False) -> SourceSnapshot:
    candidate = CandidateSnapshot("rtsp://cam/1", state, False, 0.0, 1, 1, error, 0.0)
    return SourceSnapshot("/cam", on_demand, "", (candidate,), "", "", None)


def test_readers_are_people_and_not_the_server_itself(
    make_mount: MakeMount, make_status: MakeStatus
) -> None:
    sessions = (
        session(0, Side.PUBLISH),
        session(1, Side.PLAY),
        session(2, Side.PLAY),
        session(3, Side.PLAY, "/other"),
    )
    seen = Board().look(make_status(make_mount(), sessions=sessions))
    card = seen.cards["/cam"]
    assert card.readers == 2
    assert card.publisher is not None
    assert (card.publisher.user, card.publisher.kind) == ("ann", "webrtc")
    assert (card.state, card.codecs, card.has_pictures) == (CardState.LIVE, ("H264",), True)
    assert (seen.server.live, seen.server.readers) == (1, 2)


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (SourceState.IDLE, CardState.IDLE),
        (SourceState.STARTING, CardState.STARTING),
        (SourceState.WAITING, CardState.DOWN),
    ],
)
def test_a_source_without_a_mount_has_a_card(
    make_status: MakeStatus, state: SourceState, shown: CardState
) -> None:
    seen = Board().look(make_status(sources=(source(state, "refused"),)))
    card = seen.cards["/cam"]
    assert (card.state, card.publisher, card.since_s) == (shown, None, None)
    assert card.source is not None
    assert (card.source.url, card.source.error) == ("rtsp://cam/1", "refused")


def test_states_of_mounts(make_mount: MakeMount, make_status: MakeStatus) -> None:
    board = Board()
    waiting = make_mount(state=MountState.GRACE, publisher=None)
    assert board.look(make_status(waiting)).cards["/cam"].state is CardState.WAITING
    silent = make_mount(last_packet_s=101.0)
    assert board.look(make_status(silent)).cards["/cam"].state is CardState.SILENT


def test_rates_begin_anew_with_a_mount_that_opened_again(
    make_mount: MakeMount, make_status: MakeStatus
) -> None:
    board = Board()
    first = make_mount(120.0, track={"bytes": 2_500_000})
    assert board.look(make_status(first)).cards["/cam"].bits_per_s == 1_000_000
    again = make_mount(122.0, track={"bytes": 250_000}, opened_s=120.0)
    seen = board.look(make_status(again, at_s=122.0, sent=500_000))
    assert seen.cards["/cam"].bits_per_s == 1_000_000
    assert seen.server.bits_in_per_s == 1_000_000
    assert seen.server.bits_out_per_s == 2_000_000


def test_a_card_is_the_same_while_nothing_changes(
    make_mount: MakeMount, make_status: MakeStatus
) -> None:
    board = Board()
    cards = []
    for n in range(20, 60):
        at_s = 100.0 + 2 * n
        mount = make_mount(at_s, track={"bytes": 25_013 * n, "packets": 99 * n, "key_frames": n})
        cards.append(board.look(make_status(mount, at_s=at_s)).cards["/cam"])
    assert len(set(cards[5:])) == 1


def test_numbers_are_rounded_to_what_counts(make_status: MakeStatus) -> None:
    seen = Board().look(replace(make_status(), uptime_s=0.0))
    assert seen.server.memory_bytes == 120_000_000
    assert seen.server.bits_out_per_s == 0


def test_workers_and_nodes_are_told_as_they_are(make_status: MakeStatus) -> None:
    node = NodeStatus("a:554", True, "serving", "0.1.0", 3.0, 0.25, 2, 1, 4, "rtsp://a:554")
    worker = WorkerStatus("worker-1", 7, 3.0, 2, 1, 4, 5, 6, 0.5, 0.25)
    seen = Board().look(replace(make_status(), nodes=(node,), workers=(worker,)))
    assert (seen.server.nodes, seen.server.workers) == ((node,), (worker,))
