"""Readers that begin together are sent to together, and each of them as if it were alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from headwater.media.readers.convoy import MOST_QUEUED_BYTES, MOST_TOGETHER


def play(stage: Any, mount: Any, readers: Sequence[Any]) -> None:
    for reader in readers:
        stage.play(mount, reader, 0)


def states(mount: Any) -> list[str]:
    return [reader.state for reader in mount.snapshot().readers]


def test_those_who_come_together_are_sent_to_together(stage: Any) -> None:
    mount, video = stage.kept()
    first, *others = stage.companions(6)
    play(stage, mount, [first, *others])
    # The first did not have to wait for anybody.
    assert first.packets
    assert not any(reader.packets for reader in others)
    stage.advance(2.0)
    assert states(mount) == ["live"] * 6
    for reader in (first, *others):
        assert [packet for _, packet in reader.packets] == video.sent
    together = [reader.id for reader in others]
    assert first.groups[0] == [first.id]
    assert together in first.groups
    # Nobody was ever sent to but with all that began with it.
    assert all(set(together) & set(group) in (set(), set(together)) for group in first.groups)


def test_pictures_that_come_meanwhile_follow_in_order_for_all(stage: Any) -> None:
    mount, video = stage.kept()
    readers = stage.companions(4)
    for number in range(30):
        if number < len(readers):
            play(stage, mount, [readers[number]])
        stage.picture(mount, video, key=number == 5)
    assert states(mount) == ["live"] * 4
    for reader in readers:
        assert [packet for _, packet in reader.packets] == video.sent


def test_each_gets_no_more_at_once_than_a_burst_and_no_more_in_time_than_its_pace(
    stage: Any,
) -> None:
    mount, video = stage.kept(100, catch_up_burst_bytes=30_000)
    readers = stage.companions(3)
    play(stage, mount, readers)
    sent: list[list[int]] = [[] for _ in readers]
    for _ in range(400):
        for reader, sizes in zip(readers, sent, strict=True):
            sizes.append(sum(size for _, size in reader.sizes))
        stage.advance(0.005)
    assert states(mount) == ["live"] * 3
    for sizes in sent:
        steps = [after - before for before, after in pairwise(sizes)]
        assert max(steps) <= 30_000
        # 2 MB/s is the least pace, and four times that of this media is less.
        for tick, size in enumerate(sizes):
            assert size <= 30_000 + 2_000_000 * 0.005 * (tick + 1)
    assert all(len(reader.packets) == len(video.sent) for reader in readers)


def test_one_that_leaves_takes_nobody_with_it(stage: Any) -> None:
    mount, video = stage.kept()
    readers = stage.companions(5)
    play(stage, mount, readers)
    stage.advance(0.02)
    mount.remove_reader(readers[2])
    had = len(readers[2].packets)
    stage.advance(2.0)
    assert len(readers[2].packets) == had
    assert states(mount) == ["live"] * 4
    for reader in (*readers[:2], *readers[3:]):
        assert [packet for _, packet in reader.packets] == video.sent


def test_one_that_pauses_a_track_goes_on_alone_without_it(stage: Any) -> None:
    mount, video, audio = stage.filled()
    for _ in range(30):
        mount.tracks[0].write(video.picture(10, size=1000))
        mount.tracks[1].write([audio.packet(size=100)])
        stage.advance(0.04)
    readers = stage.companions(3)
    for reader in readers:
        stage.play(mount, reader)
    stage.advance(0.02)
    mount.stop_reader(readers[1], [1])
    had = len(readers[1].seqs(1))
    stage.advance(2.0)
    assert states(mount) == ["live"] * 3
    assert len(readers[1].seqs(1)) == had
    for reader in readers:
        assert [packet for index, packet in reader.packets if index == 0] == video.sent
    for reader in (readers[0], readers[2]):
        assert [packet for index, packet in reader.packets if index == 1] == audio.sent


def test_one_that_leaves_by_what_it_is_sent_shifts_nobody_on_the_same_stretch(stage: Any) -> None:
    mount, video = stage.kept(100)
    readers = [stage.FakeReader(f"t{number}") for number in range(4)]
    for reader in readers:
        reader.queue = 10**9
    play(stage, mount, readers)
    readers[1].on_batch = lambda: mount.remove_reader(readers[1])
    for reader in readers:
        reader.queue = 0
    stage.picture(mount, video, key=True)
    stage.advance(2.0)
    assert states(mount) == ["live"] * 3
    assert readers[1].packets
    for reader in (readers[0], *readers[2:]):
        assert [packet for _, packet in reader.packets] == video.sent


def test_who_comes_later_begins_no_video_track_in_the_middle(stage: Any) -> None:
    other_video = "m=video 0 RTP/AVP 98\na=rtpmap:98 H264/90000\n"
    mount = stage.mount(stage.VIDEO, other_video)
    main, other = stage.video(), stage.video(ssrc=0x3333, payload_type=98, seq=9000)
    for number in range(100):
        mount.tracks[0].write(main.picture(10, key=number == 0, size=1000))
        stage.advance(0.04)
    first, second = stage.companions(2)
    stage.play(mount, first)
    mount.tracks[1].write(other.picture(3))
    mount.tracks[1].write(other.picture(3, key=True))
    stage.play(mount, second)
    promised = mount.plan_start((0, 1)).points[1].seq
    stage.advance(5.0)
    assert first.seqs(1) == list(range(9000, 9006))
    assert second.seqs(1) == list(range(9003, 9006))
    assert promised == 9003
    assert first.seqs(0) == second.seqs(0) == list(range(100, 1100))


def test_a_convoy_has_a_most_number_of_readers(stage: Any) -> None:
    mount, _ = stage.kept()
    readers = stage.companions(2 * MOST_TOGETHER + 1)
    play(stage, mount, readers)
    stage.advance(2.0)
    assert states(mount) == ["live"] * len(readers)
    assert max(map(len, readers[0].groups)) == MOST_TOGETHER


def test_readers_of_other_ways_are_not_mixed(stage: Any) -> None:
    mount, video = stage.kept()
    here, there = stage.companions(3, "here"), stage.companions(3, "there")
    for pair in zip(here, there, strict=True):
        play(stage, mount, pair)
    stage.advance(2.0)
    assert states(mount) == ["live"] * 6
    for reader in (*here, *there):
        assert [packet for _, packet in reader.packets] == video.sent


def test_a_way_that_raises_ends_those_behind_it_and_no_others(stage: Any) -> None:
    mount, video = stage.kept()
    broken, sound = stage.companions(2, "broken"), stage.companions(2, "sound")
    play(stage, mount, [*broken, *sound])
    broken[1].fail_in = "send_batch"
    stage.advance(2.0)
    assert [reader.closed for reader in sound] == [[], []]
    assert broken[1].closed == ["failed"]
    for reader in sound:
        assert [packet for _, packet in reader.packets] == video.sent


def test_readers_without_room_wait_and_are_closed_when_that_takes_too_long(stage: Any) -> None:
    mount, _ = stage.kept(slow_reader_disconnect_s=3.0)
    readers = stage.companions(3)
    for reader in readers:
        reader.has_room = False
    play(stage, mount, readers)
    stage.advance(2.9)
    assert [reader.closed for reader in readers] == [[], [], []]
    stage.advance(0.3)
    assert all(reader.closed == ["too slow for too long"] for reader in readers)
    assert mount.counters.slow_disconnects == 3
    assert stage.waiting == 0


@pytest.mark.parametrize("bound", [{"catch_up_max_bytes": 25_000}, {"catch_up_max_s": 0.2}])
def test_readers_for_whom_too_much_waits_go_on_with_the_next_key_frame(
    stage: Any, bound: dict[str, Any]
) -> None:
    mount, video = stage.kept(10, **bound)
    readers = stage.companions(3)
    play(stage, mount, readers)
    for reader in readers:
        reader.has_room = False
    for _ in range(8):
        stage.picture(mount, video)
    for reader in readers:
        reader.has_room = True
    key = video.seq
    stage.picture(mount, video, key=True)
    stage.advance(0.5)
    stage.picture(mount, video)
    assert states(mount) == ["live"] * 3
    assert mount.counters.catch_up_skips == 3
    for reader in readers:
        seqs = reader.seqs()
        assert seqs[-20:] == list(range(key, key + 20))
        # Nothing but whole pictures, each whole.
        assert len(seqs) % 10 == 0


def test_a_reader_with_a_queue_is_alone_and_filled_up_to_a_bound(stage: Any) -> None:
    mount, video = stage.kept(80)
    readers = [stage.FakeReader(f"t{number}") for number in range(3)]
    for reader in readers:
        reader.on_batch = lambda reader=reader: setattr(
            reader, "queue", reader.queue + reader.sizes[-1][1]
        )
    play(stage, mount, readers)
    stage.advance(0.1)
    for reader in readers:
        assert MOST_QUEUED_BYTES <= reader.queue < MOST_QUEUED_BYTES + 64 * 1024
    readers[1].on_batch = None
    readers[1].queue = 0
    stage.advance(0.3)
    assert states(mount) == ["catching up", "live", "catching up"]
    assert [packet for _, packet in readers[1].packets] == video.sent


def test_a_stretch_is_laid_once_for_all(stage: Any) -> None:
    mount, _ = stage.kept()
    readers = stage.companions(3)
    built: list[object] = []
    for reader in readers:
        reader.take = lambda _index, batch: batch.shared("runs", built.append)
    play(stage, mount, readers)
    stage.advance(2.0)
    assert states(mount) == ["live"] * 3
    # Forty pictures of 10 kB, two in each piece of up to 24 KiB; and the two pieces of the burst
    # that the first one got alone.
    assert len(built) == 22
