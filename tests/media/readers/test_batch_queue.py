"""Batches that wait, in order and bounded."""

from typing import Any

from headwater.media.readers.batch_queue import BatchQueue
from headwater.media.readers.slow_reader import SlowReaderGate
from headwater.media.settings import MountSettings
from headwater.media.tracks.packet_batch import PacketBatch


def queue_of(stage: Any, **settings: Any) -> tuple[BatchQueue, SlowReaderGate, list[float]]:
    told: list[float] = []
    queue = BatchQueue(stage.clock, lambda: told.append(stage.now))
    return queue, SlowReaderGate(MountSettings(**settings), has_key_frames=True), told


def test_what_came_first_is_taken_first_and_everything_is_counted(stage: Any) -> None:
    queue, gate, told = queue_of(stage)
    track, video = stage.track(), stage.video()
    batches = [PacketBatch(video.picture(2, size=100), stage.now) for _ in range(2)]
    queue.put(track, gate, batches[0])
    stage.advance(0.5)
    queue.put_rtcp(track, gate, PacketBatch([b"rtcp"], stage.now))
    queue.put(track, gate, batches[1])
    assert told == [1000.0, 1000.5, 1000.5]
    assert (len(queue), queue.oldest_s) == (3, 0.5)
    assert (queue.put_packets, queue.put_bytes) == (4, 400)
    taken = [queue.take() for _ in range(4)]
    assert [each and each.is_rtcp for each in taken] == [False, True, False, None]
    assert [each.batch for each in taken if each and not each.is_rtcp] == batches
    assert (queue.taken_packets, queue.taken_bytes) == (4, 400)
    assert (queue.held_bytes, queue.oldest_s) == (0, 0.0)


def test_memory_counts_not_media_alone(stage: Any) -> None:
    queue, gate, _ = queue_of(stage)
    batch = PacketBatch([stage.audio().packet()], stage.now)
    queue.put(stage.track(), gate, batch)
    assert queue.held_bytes == batch.held_bytes > 10 * batch.size_bytes
    queue.clear()
    assert (queue.held_bytes, len(queue)) == (0, 0)


def test_no_report_waits_behind_a_queue_that_is_full(stage: Any) -> None:
    queue, gate, _ = queue_of(stage, slow_reader_max_bytes=500)
    track = stage.track()
    queue.put(track, gate, PacketBatch(stage.video().picture(3), stage.now))
    queue.put_rtcp(track, gate, PacketBatch([b"rtcp", b"rtcp"], stage.now))
    assert (len(queue), queue.dropped_rtcp_packets) == (1, 2)


def test_what_waits_keeps_nothing_that_others_shared_of_it(stage: Any) -> None:
    queue, gate, _ = queue_of(stage)
    track, video = stage.track(), stage.video()
    first, second = (PacketBatch(video.picture(1), stage.now) for _ in range(2))
    queue.put(track, gate, first)
    framed = first.shared("frames", lambda _: bytearray(1000))
    assert first.shared("frames", lambda _: bytearray()) is framed, "its fan-out is under way"
    queue.put(track, gate, second)
    assert first.shared("frames", lambda _: bytearray()) is not framed
