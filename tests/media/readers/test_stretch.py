from typing import Any

import pytest

from headwater.media.readers.stretch import LEAST_RATE_BYTES_S, Stretch
from headwater.media.tracks.packet_batch import PacketBatch

Entry = tuple[int, PacketBatch]


def stretch(entries: list[Entry] | None = None, most: int = 4_000) -> Stretch:
    return Stretch(frozenset({0, 1}), 7, entries or [], most_piece_bytes=most, speed=4.0)


def batches(stage: Any, source: Any, *counts: int, size: int = 1000) -> list[PacketBatch]:
    return [PacketBatch(source.picture(count, size=size), stage.now) for count in counts]


def pieces(of: Stretch) -> list[Entry]:
    found: list[Entry] = []
    while (piece := of.piece(len(found))) is not None:
        found.append(piece)
    return found


def test_little_batches_are_joined_and_large_ones_cut(stage: Any) -> None:
    video, audio = stage.video(), stage.audio()
    entries = [(0, batch) for batch in batches(stage, video, 1, 2, 1, 1, 9, 2)]
    entries.insert(2, (1, batches(stage, audio, 1)[0]))
    laid = pieces(stretch(entries))
    # Never across the other track's, and none is larger than allowed.
    assert [(index, len(piece)) for index, piece in laid] == [
        (0, 3),
        (1, 1),
        (0, 2),
        (0, 4),
        (0, 4),
        (0, 3),
    ]
    assert [packet for index, piece in laid if index == 0 for packet in piece.packets] == video.sent


def test_a_packet_larger_than_a_piece_is_one(stage: Any) -> None:
    laid = pieces(stretch([(0, batch) for batch in batches(stage, stage.video(), 2, size=9_000)]))
    assert [piece.size_bytes for _, piece in laid] == [9_000, 9_000]


def test_all_who_come_to_a_place_get_the_very_same_piece(stage: Any) -> None:
    source = stage.video()
    on = stretch([(0, batch) for batch in batches(stage, source, 2, 1)])
    first = on.piece(0)
    assert on.piece(1) is None
    for batch in batches(stage, source, 1, 1):
        on.add(0, batch)
    # What was laid stays as it is, though more would fit into it now.
    assert on.piece(0) is first
    assert first is not None
    assert len(first[1]) == 3
    assert on.sent_bytes(1) == 3_000
    assert on.size_bytes == 5_000
    assert [len(batch) for _, batch in on.rest(1)] == [1, 1]


def test_what_was_built_is_kept_until_the_last_one_has_passed(stage: Any) -> None:
    on = stretch([(0, batch) for batch in batches(stage, stage.video(), 4, 4)])
    built: list[int] = []

    def build(number: int) -> None:
        piece = on.piece(number)
        assert piece is not None
        piece[1].shared("frames", lambda _: built.append(number))

    on.enter()
    on.enter()
    build(0)
    on.move(0)
    build(0)
    assert built == [0]
    on.move(0)
    build(0)
    assert built == [0, 0]
    build(1)
    on.depart(1)
    build(1)
    assert built == [0, 0, 1]
    on.depart(1)
    build(1)
    assert built == [0, 0, 1, 1]


def test_a_closed_stretch_keeps_only_what_is_ahead_of_someone(stage: Any) -> None:
    source = stage.video()
    on = stretch([(0, batch) for batch in batches(stage, source, 4, 4, 4)])
    for _ in range(2):
        on.enter()
    on.move(0) if on.piece(0) else None
    on.move(1) if on.piece(1) else None
    assert on.is_for(frozenset({0, 1}), 7, 4_000)
    on.close()
    assert not on.is_for(frozenset({0, 1}), 7, 4_000)
    assert [len(batch) for _, batch in on.rest(0)] == [4, 4, 4]
    on.move(0)
    assert on.piece(1) is not None
    assert [len(batch) for _, batch in on.rest(1)] == [4, 4]
    last = on.piece(2)
    assert last is not None
    assert last[1].packets == source.sent[8:]


@pytest.mark.parametrize(
    ("tracks", "place", "most", "fits"),
    [
        ({0, 1}, 7, 4_000, True),
        ({0}, 7, 4_000, False),
        ({0, 1}, 8, 4_000, False),
        ({0, 1}, 7, 65_536, False),
    ],
)
def test_a_reader_goes_on_a_stretch_of_its_tracks_from_its_place(
    tracks: set[int], place: int, most: int, fits: bool
) -> None:
    assert stretch().is_for(frozenset(tracks), place, most) is fits


def test_the_pace_is_a_multiple_of_that_of_the_media(stage: Any) -> None:
    source, on = stage.video(), stretch()
    assert on.rate_bytes_s == LEAST_RATE_BYTES_S
    for _ in range(11):
        on.add(0, PacketBatch(source.picture(10, size=10_000), stage.now))
        stage.advance(0.1)
    assert on.rate_bytes_s == pytest.approx(4.0 * 1_100_000 / 1.0)
