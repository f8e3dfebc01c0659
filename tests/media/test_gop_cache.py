from headwater.media.gop_cache import GopCache
from headwater.media.packet_batch import PacketBatch


def batch(at: float = 0.0, key: int = -1, count: int = 2, size: int = 100) -> PacketBatch:
    return PacketBatch([bytes(size)] * count, at, key)


def cache(max_bytes: int = 10_000, max_s: float = 10.0) -> GopCache:
    return GopCache(max_bytes=max_bytes, max_s=max_s)


def test_nothing_is_kept_before_a_key_frame() -> None:
    log = cache()
    log.add(0, batch())
    log.add(1, batch())
    assert log.entries == []
    assert (log.size_bytes, log.generation, log.key_track, log.span_s) == (0, 0, -1, 0.0)


def test_the_log_begins_at_the_key_frames_packet_and_holds_all_tracks_in_order() -> None:
    log = cache()
    first, sound, more = batch(1.0, key=1), batch(1.1), batch(1.5)
    log.add(0, first)
    log.add(1, sound)
    log.add(0, more)
    assert log.entries == [(0, first.tail(1)), (1, sound), (0, more)]
    assert log.size_bytes == 100 + 200 + 200
    assert log.span_s == 0.5
    assert log.generation == 1


def test_the_next_key_frame_begins_anew_in_a_new_list() -> None:
    log = cache()
    log.add(0, batch(1.0, key=0))
    before = log.entries
    second = batch(2.0, key=0)
    log.add(0, second)
    assert log.entries == [(0, second)]
    assert len(before) == 1
    assert before is not log.entries
    assert log.generation == 2


def test_only_one_track_sets_the_beat_the_first_of_those_with_key_frames() -> None:
    log = cache()
    log.add(2, batch(1.0, key=0))
    log.add(2, batch(1.1))
    log.add(1, batch(1.2, key=0))
    assert log.key_track == 1
    assert len(log.entries) == 1
    log.add(2, batch(1.3, key=0))
    assert log.key_track == 1
    assert len(log.entries) == 2


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


def test_forget_keeps_the_count_of_generations() -> None:
    log = cache()
    log.add(0, batch(1.0, key=0))
    log.forget()
    assert (log.entries, log.size_bytes, log.generation) == ([], 0, 1)
