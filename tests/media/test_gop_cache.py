from headwater.media import gop_cache
from headwater.media.cache_budget import CacheBudget
from headwater.media.gop_cache import GopCache
from headwater.media.tracks.packet_batch import PacketBatch


def batch(at: float = 0.0, key: int = -1, count: int = 2, size: int = 100) -> PacketBatch:
    return PacketBatch([bytes(size)] * count, at, key)


def cache(max_bytes: int = 10_000, max_s: float = 10.0) -> GopCache:
    budget = CacheBudget(1 << 30)
    return GopCache(max_bytes=max_bytes, max_s=max_s, video=(0, 1, 2), budget=budget)


def kept(log: GopCache, tracks: tuple[int, ...]) -> list[tuple[int, PacketBatch]]:
    """What a reader of these tracks begins with."""
    place = log.place_for(tracks)
    return [] if place is None else list(log.entries_from(place, tracks))


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
    assert log.entries == [(0, first.tail(1)), (1, sound), (0, more)]
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
    assert log.entries == [(0, second)]
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
    assert log.entries[0] == (1, second.tail(1))
    assert log.entries[-1] == (0, third)
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
    both = [(0, first), (SOUND, sound), (1, second.tail(1)), (1, late)]
    assert kept(log, (0, 1, SOUND))[:4] == both
    assert kept(log, (0, 2, SOUND)) == [(0, first), (SOUND, sound)]
    # Alone it begins as late as it can.
    assert [at.arrived_s for _, at in kept(log, (1, SOUND))] == [1.4]
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
    assert log.entries == [(0, second), (1, later)]
    assert (log.overflows, log.place_for((1,))) == (1, None)
    assert log.place_for((0,)) is not None
    assert kept(log, (0, 1)) == [(0, second)]


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
    for _ in range(gop_cache._MOST_ENTRIES):
        log.add(0, batch(count=1, size=12))
    assert (log.entries, log.overflows) == ([], 1)
