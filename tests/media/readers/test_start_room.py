"""A crowd of readers that begin: those for whom there is no room get live packets only."""

from __future__ import annotations

from typing import Any

from headwater.media.readers.convoy import MOST_QUEUED_BYTES
from headwater.media.readers.start_room import StartRoom

Stage = Any


def begin(mount: Any, reader: Any) -> None:
    """As PLAY over TCP does."""
    mount.start_reader(reader, mount.plan_start((0,), has_counted_queue=True))


def test_it_is_full_by_what_waits_and_by_what_is_about_to() -> None:
    waiting = [0]
    room = StartRoom(4 * MOST_QUEUED_BYTES, lambda: waiting[0])
    assert not room.full
    room.on_way = 3
    assert [room.full for waiting[0] in (MOST_QUEUED_BYTES, MOST_QUEUED_BYTES - 1)] == [True, False]


def test_readers_that_find_no_room_begin_with_the_next_key_frame(stage: Stage) -> None:
    mount, video = stage.kept()
    room = mount._room
    room.most_bytes = 3 * MOST_QUEUED_BYTES
    readers = [stage.FakeReader(f"r{number}") for number in range(6)]
    for reader in readers:
        # Whatever is sent to it stays in its queue.
        reader.queue = MOST_QUEUED_BYTES
        begin(mount, reader)
    assert room.on_way == 3
    assert mount.counters.instant_starts == mount.counters.late_starts == room.refusals == 3
    assert mount.snapshot().late_starts == 3
    # One key frame is asked for, for all of them.
    assert mount.tracks[0].counters.key_frame_requests == 1
    late = [reader for reader in readers if reader.live]
    assert late == readers[3:]
    first = video.seq
    stage.picture(mount, video, key=True)
    assert {reader.seqs()[0] for reader in late} == {first}
    # There is room again once somebody has caught up, or has gone.
    readers[0].queue = 0
    mount.remove_reader(readers[1])
    stage.advance(1.0)
    assert readers[0].live
    assert room.on_way == 1
    begin(mount, stage.FakeReader("again"))
    assert mount.counters.instant_starts == 4
    mount.close("done")
    assert room.on_way == 0


def test_readers_without_such_a_queue_take_no_room_and_need_none(stage: Stage) -> None:
    mount, _ = stage.kept()
    mount._room.most_bytes = 0
    for number in range(4):
        stage.play(mount, stage.FakeReader(f"u{number}", needs_pacing=True), 0)
        assert mount._room.on_way == 0
    stage.play(mount, stage.FakeReader("pull"), 0, instant=True)
    assert mount.counters.instant_starts == 5
    assert mount.counters.late_starts == 0
