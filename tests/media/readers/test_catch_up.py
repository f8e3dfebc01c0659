from typing import Any

import pytest

from headwater.media.readers.catch_up import CatchUp
from headwater.media.readers.convoy import MOST_QUEUED_BYTES, Arrival
from headwater.media.settings import MountSettings
from headwater.media.tracks.packet_batch import PacketBatch

Entry = tuple[int, PacketBatch]


class Watch:
    """A catch-up with its outcome written down."""

    def __init__(
        self,
        stage: Any,
        reader: Any,
        entries: list[Entry],
        video: tuple[int, ...] = (0,),
        **settings: Any,
    ) -> None:
        self.live = 0
        self.stalled = 0
        self.failures: list[str] = []
        self.catch_up = CatchUp(
            reader,
            (0, 1),
            entries,
            MountSettings(**settings),
            video=video,
            clock=stage.clock,
            call_later=stage.call_later,
            outcome=Arrival(
                began=lambda _index, _batch: None,
                behind=lambda parting: self.failures.append(str(parting)),
                live=lambda: setattr(self, "live", self.live + 1),
                stalled=lambda: setattr(self, "stalled", self.stalled + 1),
                failed=lambda error: self.failures.append(str(error)),
            ),
        )


def entries(
    stage: Any, source: Any, *, seconds: float = 2.0, rate: int = 25, size: int = 1000
) -> list[Entry]:
    """Pictures of ten packets, `rate` a second, the first a key frame; the last came just now."""
    made = []
    count = int(seconds * rate)
    for number in range(count):
        at = stage.now - (count - 1 - number) / rate
        packets = source.picture(10, key=number == 0, size=size)
        made.append((0, PacketBatch(packets, at, 0 if number == 0 else -1)))
    return made


def live_batch(stage: Any, source: Any, *, key: bool = False, lead: int = 0) -> PacketBatch:
    packets = source.picture(lead) if lead else []
    packets += source.picture(10, key=key, size=1000)
    return PacketBatch(packets, stage.now, lead if key else -1)


def test_a_reader_with_a_free_queue_gets_everything_at_once(stage: Any) -> None:
    reader, source = stage.FakeReader(), stage.video()
    watch = Watch(stage, reader, entries(stage, source, seconds=1.0))
    watch.catch_up.begin()
    assert watch.live == 1
    assert [packet for _, packet in reader.packets] == source.sent
    assert stage.waiting == 0


def test_a_fast_reader_with_much_to_get_leaves_others_their_turn(stage: Any) -> None:
    reader, source = stage.FakeReader(), stage.video()
    watch = Watch(stage, reader, entries(stage, source, seconds=3.5))
    watch.catch_up.begin()
    # What small packets take beside their bytes counts as well.
    assert 480_000 <= sum(size for _, size in reader.sizes) < 512 * 1024
    assert watch.live == 0
    stage.advance(0.005)
    assert watch.live == 1
    assert [packet for _, packet in reader.packets] == source.sent


def test_a_full_queue_is_waited_for_and_live_batches_follow_in_order(stage: Any) -> None:
    reader, source = stage.FakeReader(), stage.video()
    watch = Watch(stage, reader, entries(stage, source))

    def fill() -> None:
        reader.queue += 10_000

    reader.on_batch = fill
    watch.catch_up.begin()
    assert watch.live == 0
    assert MOST_QUEUED_BYTES <= reader.queue < MOST_QUEUED_BYTES + 10_001
    for _ in range(40):
        watch.catch_up.add(0, live_batch(stage, source))
        watch.catch_up.add(1, PacketBatch([stage.audio().packet()], stage.now))
        reader.queue = max(0, reader.queue - 15_000)
        stage.advance(0.04)
    assert watch.live == 0
    reader.on_batch = None
    reader.queue = 0
    stage.advance(0.2)
    assert watch.live == 1
    assert [packet for index, packet in reader.packets if index == 0] == source.sent
    assert watch.catch_up.pending_bytes == 0


def test_tracks_that_are_not_set_up_are_left_out(stage: Any) -> None:
    reader, source = stage.FakeReader(needs_pacing=True), stage.video()
    watch = Watch(stage, reader, entries(stage, source))
    watch.catch_up.begin()
    before = watch.catch_up.pending_bytes
    watch.catch_up.add(2, PacketBatch([stage.audio().packet()], stage.now))
    assert watch.catch_up.pending_bytes == before


def test_a_paced_reader_never_gets_more_than_a_burst_at_once(stage: Any) -> None:
    reader, source = stage.FakeReader(needs_pacing=True), stage.video()
    kept = entries(stage, source, seconds=4.0)
    watch = Watch(stage, reader, kept, catch_up_burst_bytes=30_000)
    watch.catch_up.begin()
    received = [sum(size for _, size in reader.sizes)]
    assert 0 < received[0] <= 30_000
    for tick in range(1000):
        if tick % 8 == 0:
            watch.catch_up.add(0, live_batch(stage, source))
        stage.advance(0.005)
        received.append(sum(size for _, size in reader.sizes))
        assert received[-1] - received[-2] <= 30_000
        if watch.live:
            break
    assert watch.live == 1
    assert [packet for _, packet in reader.packets] == source.sent
    # 1 MB at four times 250 kB/s is less than the floor of 2 MB/s: done in well under a second.
    assert stage.now - 1000.0 < 0.8


def test_a_paced_reader_of_a_fast_stream_gets_it_at_a_multiple_of_real_time(stage: Any) -> None:
    reader, source = stage.FakeReader(needs_pacing=True), stage.video()
    kept = entries(stage, source, seconds=2.0, rate=100, size=1200)
    total = sum(batch.size_bytes for _, batch in kept)
    watch = Watch(stage, reader, kept, catch_up_speed=3.0)
    watch.catch_up.begin()
    while not watch.live:
        stage.advance(0.005)
    assert stage.now - 1000.0 == pytest.approx((total - 48 * 1024) / (3 * total / 2.0), abs=0.02)


def test_a_reader_that_begins_behind_a_key_frame_keeps_up_with_any_stream(stage: Any) -> None:
    reader, source = stage.FakeReader(needs_pacing=True), stage.video()
    # One picture tells no pace; then 25 Mb/s, more than a reader gets at the least.
    watch = Watch(stage, reader, [(0, PacketBatch(source.picture(104, key=True), stage.now, 0))])
    watch.catch_up.begin()
    for tick in range(200):
        if tick % 6 == 5:
            watch.catch_up.add(0, PacketBatch(source.picture(104, size=1000), stage.now))
        stage.advance(0.005)
        if watch.live:
            break
    assert watch.live == 1
    assert watch.catch_up.skips == 0
    assert [packet for _, packet in reader.packets] == source.sent


def test_a_batch_larger_than_a_burst_is_cut_between_packets(stage: Any) -> None:
    reader, source = stage.FakeReader(needs_pacing=True), stage.video()
    packets = source.picture(64, key=True, size=1200)
    watch = Watch(stage, reader, [(0, PacketBatch(packets, stage.now, 0))])
    watch.catch_up.begin()
    assert len(reader.packets) == 40
    assert watch.live == 0
    stage.advance(0.05)
    assert [packet for _, packet in reader.packets] == source.sent
    assert watch.live == 1


def test_little_batches_of_a_track_are_joined_for_a_paced_reader(stage: Any) -> None:
    reader, source = stage.FakeReader(needs_pacing=True), stage.video()
    little = [
        (track, PacketBatch(source.picture(1, size=1000), stage.now))
        for track in (*[0] * 40, 1, *[0] * 3)
    ]
    watch = Watch(stage, reader, little, catch_up_burst_bytes=1 << 20)
    watch.catch_up.begin()
    assert watch.live == 1
    assert [packet for _, packet in reader.packets] == source.sent
    # Up to 16 KiB each, and never across the other track's.
    assert [size for _, size in reader.sizes] == [17_000, 17_000, 6_000, 1_000, 3_000]


def test_a_packet_larger_than_the_burst_goes_out_alone(stage: Any) -> None:
    reader, source = stage.FakeReader(needs_pacing=True), stage.video()
    batch = PacketBatch(source.picture(2, key=True, size=5000), stage.now, 0)
    watch = Watch(stage, reader, [(0, batch)], catch_up_burst_bytes=100)
    watch.catch_up.begin()
    assert len(reader.packets) == 1
    stage.advance(0.5)
    assert watch.live == 1
    assert len(reader.packets) == 2


def test_too_much_waiting_skips_to_the_next_key_frame(stage: Any) -> None:
    reader, source = stage.FakeReader(), stage.video()
    reader.queue = MOST_QUEUED_BYTES
    kept = entries(stage, source, seconds=0.2)
    watch = Watch(stage, reader, kept, catch_up_max_bytes=25_000)
    watch.catch_up.begin()
    for _ in range(3):
        watch.catch_up.add(0, live_batch(stage, source))
    assert watch.catch_up.skips == 1
    assert watch.catch_up.skipped_packets == 80
    assert watch.catch_up.skipped_bytes == 80_000
    assert watch.catch_up.pending_bytes == 0
    watch.catch_up.add(0, live_batch(stage, source))
    watch.catch_up.add(1, PacketBatch([stage.audio().packet()], stage.now, 0))
    assert watch.catch_up.pending_bytes == 0
    reader.queue = 0
    stage.advance(0.5)
    assert (watch.live, reader.packets) == (0, [])
    watch.catch_up.add(0, live_batch(stage, source, key=True, lead=2))
    watch.catch_up.add(1, PacketBatch([stage.audio().packet()], stage.now))
    stage.advance(0.2)
    assert watch.live == 1
    assert [packet for index, packet in reader.packets if index == 0] == source.sent[-10:]
    assert reader.packets[-1][0] == 1


def test_taking_too_long_skips_to_the_next_key_frame_and_then_sends_without_pacing(
    stage: Any,
) -> None:
    reader, source = stage.FakeReader(needs_pacing=True), stage.video()
    kept = entries(stage, source, seconds=2.0)
    watch = Watch(stage, reader, kept, catch_up_burst_bytes=1000, catch_up_max_s=1.0)
    watch.catch_up.begin()
    stage.advance(1.1)
    assert watch.live == 0
    watch.catch_up.add(0, live_batch(stage, source))
    assert watch.catch_up.skips == 1
    watch.catch_up.add(0, live_batch(stage, source, key=True))
    stage.advance(0.2)
    assert watch.live == 1
    assert [packet for _, packet in reader.packets][-10:] == source.sent[-10:]


def test_a_key_frame_that_never_comes_is_not_waited_for_for_ever(stage: Any) -> None:
    reader, source = stage.FakeReader(), stage.video()
    reader.queue = MOST_QUEUED_BYTES
    watch = Watch(
        stage,
        reader,
        entries(stage, source, seconds=0.2),
        catch_up_max_bytes=1000,
        key_frame_wait_s=5.0,
    )
    watch.catch_up.begin()
    watch.catch_up.add(0, live_batch(stage, source))
    stage.advance(4.9)
    assert watch.live == 0
    stage.advance(0.3)
    assert watch.live == 1


def test_a_reader_that_takes_nothing_for_too_long_is_given_up(stage: Any) -> None:
    reader, source = stage.FakeReader(), stage.video()
    reader.queue = MOST_QUEUED_BYTES
    kept = entries(stage, source, seconds=0.2)
    watch = Watch(stage, reader, kept, slow_reader_disconnect_s=3.0)
    watch.catch_up.begin()
    stage.advance(2.9)
    assert watch.stalled == 0
    stage.advance(0.3)
    assert (watch.stalled, watch.live) == (1, 0)
    assert stage.waiting == 0


def test_a_reader_that_takes_nothing_is_asked_ever_less_often(stage: Any) -> None:
    asked: list[float] = []

    class Counting(stage.FakeReader):  # type: ignore[misc]
        @property
        def queued_bytes(self) -> int:
            asked.append(stage.now)
            return MOST_QUEUED_BYTES

    watch = Watch(stage, Counting(), entries(stage, stage.video(), seconds=0.2))
    watch.catch_up.begin()
    stage.advance(10.0)
    assert len(asked) < 110


@pytest.mark.parametrize("when", ["begin", "tick"])
def test_a_reader_that_raises_ends_only_its_own_catch_up(stage: Any, when: str) -> None:
    reader, source = stage.FakeReader(needs_pacing=True), stage.video()
    watch = Watch(stage, reader, entries(stage, source, seconds=4.0))
    if when == "begin":
        reader.fail_in = "send_batch"
    watch.catch_up.begin()
    reader.fail_in = "send_batch"
    stage.advance(0.1)
    assert watch.failures == ["send_batch failed"]
    assert (watch.live, stage.waiting) == (0, 0)


def test_cancelling_from_within_a_send_ends_it(stage: Any) -> None:
    reader, source = stage.FakeReader(), stage.video()
    watch = Watch(stage, reader, entries(stage, source))
    reader.on_batch = watch.catch_up.cancel
    watch.catch_up.begin()
    assert len(reader.sizes) == 1
    assert (watch.live, stage.waiting) == (0, 0)


def test_cancelling_calls_the_timer_off(stage: Any) -> None:
    reader, source = stage.FakeReader(needs_pacing=True), stage.video()
    watch = Watch(stage, reader, entries(stage, source, seconds=4.0))
    watch.catch_up.begin()
    assert stage.waiting == 1
    watch.catch_up.cancel()
    assert stage.waiting == 0
    watch.catch_up.cancel()
    assert watch.live == 0


def test_a_track_can_be_taken_out_on_the_way(stage: Any) -> None:
    reader, video, audio = stage.FakeReader(needs_pacing=True), stage.video(), stage.audio()
    kept = entries(stage, video, seconds=4.0)
    kept.insert(1, (1, PacketBatch([audio.packet(size=500)], kept[0][1].arrived_s)))
    kept.append((1, PacketBatch([audio.packet(size=500)], stage.now)))
    watch = Watch(stage, reader, kept)
    watch.catch_up.begin()
    watch.catch_up.drop_track(1)
    watch.catch_up.add(1, PacketBatch([audio.packet()], stage.now))
    stage.advance(2.0)
    assert watch.live == 1
    assert reader.seqs(1) == [500]
    assert len(reader.seqs(0)) == 1000


def test_encodings_built_on_the_way_are_let_go(stage: Any) -> None:
    source = stage.video()
    kept = entries(stage, source, seconds=0.2)
    built: list[int] = []

    class Building(stage.FakeReader):  # type: ignore[misc]
        def send_batch(self, track_index: int, batch: PacketBatch) -> None:
            batch.shared("framed", lambda _: built.append(1))

    for _ in range(2):
        Watch(stage, Building(), kept).catch_up.begin()
    assert len(built) == 2 * len(kept)


def test_a_paced_reader_without_room_waits_and_then_catches_up(stage: Any) -> None:
    reader, source = stage.FakeReader(), stage.video()
    reader.needs_pacing = True
    watch = Watch(stage, reader, entries(stage, source))
    reader.has_room = False
    watch.catch_up.begin()
    stage.advance(1.0)
    assert reader.packets == []
    assert watch.live == 0
    reader.has_room = True
    stage.advance(5.0)
    assert watch.live == 1
    assert [packet for _, packet in reader.packets] == source.sent


def pictures(stage: Any, source: Any, count: int, *, key: bool = False) -> list[PacketBatch]:
    """A picture of `count` packets that comes packet by packet."""
    return [
        PacketBatch([packet], stage.now, 0 if key and index == 0 else -1)
        for index, packet in enumerate(source.picture(count, key=key, size=1000))
    ]


def cut(stage: Any, video: tuple[int, ...] = (0,)) -> tuple[Watch, Any, Any]:
    """A catch-up of which three packets of a picture of ten went out before the queue was full."""
    reader, source = stage.FakeReader(), stage.video()
    whole = [(0, batch) for batch in pictures(stage, source, 10, key=True)]
    watch = Watch(stage, reader, whole[:3], video, catch_up_max_bytes=20_000)

    def fill() -> None:
        if len(reader.packets) == 3:
            reader.queue = MOST_QUEUED_BYTES

    reader.on_batch = fill
    for index, batch in whole[3:]:
        watch.catch_up.add(index, batch)
    watch.catch_up.begin()
    assert len(reader.packets) == 3
    return watch, reader, source


def open_queue(stage: Any, reader: Any) -> None:
    reader.on_batch = None
    reader.queue = 0
    stage.advance(0.3)


def test_a_picture_that_was_begun_is_sent_to_its_end_before_a_skip(stage: Any) -> None:
    watch, reader, source = cut(stage)
    watch.catch_up.add(0, PacketBatch(source.picture(20, size=1000), stage.now))
    assert watch.catch_up.skips == 1
    watch.catch_up.add(0, PacketBatch(source.picture(5, size=1000), stage.now))
    key = source.seq
    watch.catch_up.add(0, live_batch(stage, source, key=True))
    open_queue(stage, reader)
    assert reader.seqs() == [*range(100, 110), *range(key, key + 10)]
    assert (watch.catch_up.skipped_packets, watch.catch_up.skipped_bytes) == (25, 25_000)
    assert watch.live == 1


def stopped_behind_one_packet(
    stage: Any, length: int, **settings: Any
) -> tuple[Watch, Any, Any, list[PacketBatch]]:
    """A catch-up with four packets of a picture, whose queue was full behind the first."""
    reader, source = stage.FakeReader(), stage.video()
    begun = pictures(stage, source, length, key=True)
    watch = Watch(stage, reader, [(0, each) for each in begun[:4]], **settings)
    reader.on_batch = lambda: setattr(reader, "queue", MOST_QUEUED_BYTES)
    watch.catch_up.begin()
    return watch, reader, source, begun


def test_a_key_frame_in_the_batch_that_ends_the_picture_is_gone_on_with(stage: Any) -> None:
    watch, reader, source, begun = stopped_behind_one_packet(stage, 10, catch_up_max_s=1.0)
    assert reader.seqs() == [100]
    stage.advance(1.1)
    for each in begun[4:8]:
        watch.catch_up.add(0, PacketBatch(each.packets, stage.now))
    # Nothing marked the end yet: all that waits belongs to the picture, and so does what comes.
    assert watch.catch_up.skips == 1
    assert watch.catch_up.skipped_packets == 0
    rest = [each.packets[0] for each in begun[8:]]
    left_out = source.picture(2, size=1000)
    packets = [*rest, *left_out, *source.picture(3, key=True, size=1000)]
    watch.catch_up.add(0, PacketBatch(packets, stage.now, len(rest) + 2))
    open_queue(stage, reader)
    assert reader.seqs() == [*range(100, 110), 112, 113, 114]
    assert watch.catch_up.skipped_packets == 2


def test_a_picture_that_never_ends_is_given_up_the_second_time(stage: Any) -> None:
    watch, reader, _, begun = stopped_behind_one_packet(stage, 40, catch_up_max_bytes=2_500)
    for each in begun[4:15]:
        watch.catch_up.add(0, each)
    assert watch.catch_up.skips == 2
    assert watch.catch_up.pending_bytes == 0
    open_queue(stage, reader)
    assert reader.seqs() == [100]


def test_after_a_skip_each_video_goes_on_with_its_own_key_frame(stage: Any) -> None:
    watch, reader, source = cut(stage, (0, 1))
    other = stage.video(ssrc=0x3333, seq=9000)
    watch.catch_up.add(0, PacketBatch(source.picture(20, size=1000), stage.now))
    assert watch.catch_up.skips == 1
    other_key = other.seq
    watch.catch_up.add(1, live_batch(stage, other, key=True))
    watch.catch_up.add(0, PacketBatch(source.picture(2), stage.now))
    open_queue(stage, reader)
    assert watch.live == 0
    key = source.seq
    watch.catch_up.add(0, live_batch(stage, source, key=True))
    stage.advance(0.3)
    assert reader.seqs(1) == list(range(other_key, other_key + 10))
    assert reader.seqs(0) == [*range(100, 110), *range(key, key + 10)]
    assert watch.live == 1


def test_when_the_video_is_stopped_nothing_waits_for_its_key_frame(stage: Any) -> None:
    watch, reader, source = cut(stage)
    watch.catch_up.add(0, PacketBatch(source.picture(20, size=1000), stage.now))
    watch.catch_up.drop_track(0)
    sound = stage.audio()
    watch.catch_up.add(1, PacketBatch([sound.packet()], stage.now))
    open_queue(stage, reader)
    assert reader.seqs(1) == [500]
    assert watch.live == 1


def test_a_fast_reader_with_many_small_packets_leaves_others_their_turn(stage: Any) -> None:
    reader, source = stage.FakeReader(), stage.video()
    watch = Watch(stage, reader, entries(stage, source, seconds=80.0, size=12))
    watch.catch_up.begin()
    assert 1_000 < len(reader.packets) < 10_000
    assert watch.live == 0
