from collections.abc import Iterable

import pytest

from headwater.media import gop_cache
from headwater.media.cache_budget import CacheBudget
from headwater.media.gop_cache import GopCache
from headwater.media.tracks.packet_batch import PacketBatch


def batch(at: float = 0.0, key: int = -1, count: int = 2, size: int = 100) -> PacketBatch:
    return PacketBatch([bytes(size)] * count, at, key)


def cache(max_bytes: int = 10_000, max_s: float = 10.0) -> GopCache:
    budget = CacheBudget(1 << 30)
    return GopCache(max_bytes=max_bytes, max_s=max_s, video=(0, 1, 2), budget=budget)


Shown = tuple[int, float, int, list[bytes]]


def shown(entries: Iterable[tuple[int, PacketBatch]]) -> list[Shown]:
    """Entries by what they say: tracks, times, key frames and packets."""
    return [(index, each.arrived_s, each.key_frame_index, each.packets) for index, each in entries]


def kept(log: GopCache, tracks: tuple[int, ...]) -> list[Shown]:
    """What a reader of these tracks begins with."""
    place = log.place_for(tracks)
    return [] if place is None else shown(log.entries_from(place, tracks))


def test_nothing_is_kept_before_a_key_frame() -> None:
    log = cache()
    log.add(0, batch())
    log.add(1, batch())
    assert log.entries == []
    assert (log.size_bytes, log.span_s) == (0, 0.0)
    assert log.place_for((0, 1)) is None
    assert kept(log, (0, 1)) == []


def test_the_log_begins_at_the_key_frames_packet_and_holds_all_tracks_in_order() -> None:
    log = cache()
    first, sound, more = batch(1.0, key=1), batch(1.1), batch(1.5)
    log.add(0, first)
    log.add(1, sound)
    log.add(0, more)
    assert shown(log.entries) == shown([(0, first.tail(1)), (1, sound), (0, more)])
    assert log.size_bytes == 100 + 200 + 200
    assert log.span_s == 0.5


def test_the_next_key_frame_begins_anew() -> None:
    log = cache()
    log.add(0, batch(1.0, key=0))
    place = log.place_for((0,))
    assert place is not None
    assert log.holds(place)
    second = batch(2.0, key=0)
    log.add(0, second)
    assert shown(log.entries) == shown([(0, second)])
    assert not log.holds(place), "a place is never another's"
    assert log.place_for((0,)) != place


SOUND = 5


def test_the_log_goes_back_to_the_last_key_frame_of_each_track() -> None:
    log = cache()
    first, between, second = batch(1.0, key=0), batch(1.1), batch(1.2, key=1)
    log.add(0, first)
    log.add(1, between)
    log.add(1, second)
    log.add(SOUND, batch(1.3))
    assert [entry[0] for entry in log.entries] == [0, 1, 1, SOUND]
    # A new one on the track that began the log: it begins with the other's now.
    third = batch(1.4, key=0)
    log.add(0, third)
    assert shown(log.entries)[0] == shown([(1, second.tail(1))])[0]
    assert shown(log.entries)[-1] == shown([(0, third)])[0]
    assert log.size_bytes == 100 + 200 + 200
    assert log.span_s == third.arrived_s - second.arrived_s


def test_each_video_track_begins_with_a_key_frame() -> None:
    log = cache()
    first, late, sound, second = batch(1.0, key=0), batch(1.1), batch(1.2), batch(1.3, key=1)
    log.add(0, first)
    log.add(1, late)
    log.add(SOUND, sound)
    log.add(1, second)
    log.add(1, late)
    log.add(1, batch(1.4, key=0))
    both = shown([(0, first), (SOUND, sound), (1, PacketBatch.join((second.tail(1), late)))])
    assert kept(log, (0, 1, SOUND))[:3] == both
    assert kept(log, (0, 2, SOUND)) == shown([(0, first), (SOUND, sound)])
    # Alone it begins as late as it can.
    assert [arrived_s for _, arrived_s, _, _ in kept(log, (1, SOUND))] == [1.4]
    assert log.place_for((1, SOUND)) is not None
    assert log.place_for((2, SOUND)) is None
    assert kept(log, (2, SOUND)) == []


def test_past_its_bounds_the_oldest_key_frame_is_given_up_first() -> None:
    log = cache(max_s=1.0)
    log.add(1, batch(1.0, key=0))
    second = batch(1.8, key=0)
    log.add(0, second)
    later = batch(2.1)
    log.add(1, later)
    assert shown(log.entries) == shown([(0, second), (1, later)])
    assert (log.overflows, log.place_for((1,))) == (1, None)
    assert log.place_for((0,)) is not None
    assert kept(log, (0, 1)) == shown([(0, second)])


def test_past_its_bytes_it_is_empty_until_the_next_key_frame() -> None:
    log = cache(max_bytes=500)
    log.add(0, batch(1.0, key=0))
    log.add(0, batch(1.1))
    assert log.size_bytes == 400
    log.add(0, batch(1.2))
    assert (log.entries, log.size_bytes, log.overflows) == ([], 0, 1)
    log.add(1, batch(1.3))
    assert log.entries == []
    log.add(0, batch(1.4, key=0))
    assert log.size_bytes == 200


def test_a_key_frame_that_is_too_large_by_itself_is_not_kept() -> None:
    log = cache(max_bytes=150)
    log.add(0, batch(1.0, key=0))
    assert (log.entries, log.overflows) == ([], 1)


def test_past_its_seconds_it_is_empty_until_the_next_key_frame() -> None:
    log = cache(max_s=1.0)
    log.add(0, batch(1.0, key=0))
    log.add(1, batch(2.0))
    assert len(log.entries) == 2
    log.add(1, batch(2.01))
    assert (log.entries, log.overflows) == ([], 1)


def test_what_was_forgotten_is_held_no_more() -> None:
    log = cache()
    log.add(0, batch(1.0, key=0))
    place = log.place_for((0,))
    assert place is not None
    log.forget()
    assert (log.entries, log.size_bytes) == ([], 0)
    log.add(0, batch(2.0, key=0))
    assert not log.holds(place)


def test_a_log_of_very_many_batches_is_not_kept() -> None:
    log = cache(max_bytes=1 << 30, max_s=1e9)
    log.add(0, batch(key=0))
    # Of two tracks in turn, so that none can be joined to the one before.
    for number in range(gop_cache._MOST_ENTRIES):
        log.add(1 - number % 2, batch(count=1, size=12))
    assert (log.entries, log.overflows) == ([], 1)


def test_small_batches_that_follow_each_other_are_kept_as_one_of_bytes() -> None:
    log = cache(max_bytes=1 << 20)
    came = [batch(0.1 * number, key=-1 if number else 0, count=3, size=70) for number in range(64)]
    for each in came:
        log.add(0, each)
    assert len(log.entries) == 4
    assert all(each.joined is not None for _, each in log.entries)
    assert [each.arrived_s for _, each in log.entries] == [
        came[n].arrived_s for n in (0, 16, 32, 48)
    ]
    packets = [packet for _, each in log.entries for packet in each.packets]
    assert packets == [packet for each in came for packet in each.packets]
    assert log.size_bytes == 64 * 210
    assert log.held_bytes < 1.1 * log.size_bytes


def test_a_batch_that_came_as_bytes_is_kept_without_a_copy() -> None:
    log = cache(max_bytes=1 << 20)
    runs = [bytes(7000 + number) for number in range(20)]
    for number, run in enumerate(runs):
        log.add(0, PacketBatch.of_run(run, 1000, float(number) / 10, -1 if number else 0))
    assert [each.joined for _, each in log.entries[1:]] == runs[1:]
    assert all(each.joined is run for (_, each), run in zip(log.entries[3:], runs[3:], strict=True))


@pytest.mark.parametrize("tracks", [(0,), (0, 1), (0, SOUND), (0, 1, SOUND)])
def test_what_is_joined_is_in_order_and_begins_with_each_key_frame(tracks: tuple[int, ...]) -> None:
    log = cache(max_bytes=1 << 20, max_s=1e9)
    came: list[tuple[int, int, bytes]] = []
    for number in range(3000):
        track = (0, 0, 0, SOUND, 1, 1, 0)[number % 7]
        key = number % (400 if track else 500) == 0 and track != SOUND
        packets = [b"%d-%d" % (number, each) for each in range(4)]
        log.add(track, PacketBatch(packets, float(number), 2 if key else -1))
        came += [(track, 4 * number + each, packet) for each, packet in enumerate(packets)]
        if number % 97 or (place := log.place_for(tracks)) is None:
            continue
        got = [
            (index, packet)
            for index, each in log.entries_from(place, tracks)
            for packet in each.packets
        ]
        begun = dict(reversed(got))
        begins = {
            index: next(at for track, at, packet in came if packet == first and track == index)
            for index, first in begun.items()
        }
        since = [
            (track, packet) for track, at, packet in came if track in begins and at >= begins[track]
        ]
        assert got == since
        for index in begun.keys() - {SOUND}:
            assert begins[index] % 4 == 2
