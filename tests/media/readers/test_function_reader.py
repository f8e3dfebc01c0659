"""A reader made of one function: what it is called with, and when it is called no more."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from headwater.media.errors import MountClosed, MountFull
from headwater.media.mount import Mount
from headwater.media.readers.function_reader import MOST_TURN_S, FunctionReader
from headwater.media.settings import SlowReaderPolicy
from headwater.media.states import ReaderState
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.protocol.rtp import sequence_number


class Owner:
    """Whose function it is: writes down what it is called with."""

    def __init__(self, stage: Any, name: str = "recorder", **options: Any) -> None:
        self.stage = stage
        self.got: list[tuple[int, int]] = []
        self.rtcp: list[tuple[int, bytes]] = []
        self.ends: list[str] = []
        self.work: Callable[[], None] = lambda: None
        self.reader = FunctionReader(
            name,
            self.on_batch,
            clock=stage.clock,
            call_soon=stage.call_soon,
            on_end=self.ends.append,
            **options,
        )

    def on_batch(self, track: Track, batch: PacketBatch) -> None:
        assert not self.ends
        self.got += [(track.index, sequence_number(packet)) for packet in batch.packets]
        self.work()

    def on_rtcp(self, track: Track, batch: PacketBatch) -> None:
        self.rtcp += [(track.index, packet) for packet in batch.packets]

    def seqs(self, index: int = 0) -> list[int]:
        return [seq for track, seq in self.got if track == index]


def send(mount: Mount, source: Any, *, key: bool = False, size: int = 200) -> None:
    mount.tracks[0].write(source.picture(3, key=key, size=size))
    source.timestamp += 3600


def test_it_gets_every_live_batch_in_a_later_turn(stage: Any) -> None:
    mount, video, audio = stage.mount(), stage.video(), stage.audio()
    owner = Owner(stage)
    owner.reader.begin(mount)
    send(mount, video)
    mount.tracks[1].write([audio.packet()])
    assert owner.got == [], "never in the turn of the publisher"
    stage.advance(0)
    assert owner.got == [(0, 100), (0, 101), (0, 102), (1, 500)]
    assert (owner.reader.delivered_packets, owner.reader.dropped_packets) == (4, 0)
    [seen] = mount.snapshot().readers
    assert (seen.id, seen.transport, seen.state) == ("recorder", "python", ReaderState.LIVE)
    assert (seen.sent_packets, seen.sent_bytes, seen.queued_bytes) == (4, 602 + 12, 0)


@pytest.mark.parametrize(("instant", "first"), [(None, 100), (True, 100), (False, 133)])
def test_it_chooses_where_to_begin(stage: Any, instant: bool | None, first: int) -> None:
    mount, video, _ = stage.filled()
    owner = Owner(stage)
    owner.reader.begin(mount, instant_start=instant)
    stage.advance(1)
    send(mount, video)
    stage.advance(1)
    assert owner.seqs() == list(range(first, 136)), "in order, without a gap"


def test_it_chooses_its_tracks(stage: Any) -> None:
    mount, _, audio = stage.filled()
    owner = Owner(stage)
    owner.reader.begin(mount, [1])
    mount.tracks[1].write([audio.packet()])
    stage.advance(1)
    assert {index for index, _ in owner.got} == {1}


def test_reports_come_in_order_where_they_are_wanted(stage: Any) -> None:
    mount, video = stage.mount(), stage.video()
    owner, other = Owner(stage), Owner(stage, "other")
    wanting = FunctionReader(
        "wanting",
        owner.on_batch,
        clock=stage.clock,
        call_soon=stage.call_soon,
        on_rtcp=lambda track, batch: owner.rtcp.append((len(owner.got), batch.packets[0])),
    )
    for reader in (wanting, other.reader):
        reader.begin(mount)
    send(mount, video)
    mount.tracks[0].write_rtcp([video.report(1 << 32)])
    send(mount, video)
    stage.advance(0)
    assert [before for before, _ in owner.rtcp] == [3]
    assert other.rtcp == []
    assert other.seqs() == owner.seqs() == list(range(100, 106))


def test_a_slow_function_loses_whole_stretches_up_to_a_key_frame(stage: Any) -> None:
    mount, video = stage.mount(slow_reader_max_bytes=3_000), stage.video()
    owner = Owner(stage)
    owner.reader.begin(mount)
    for number in range(40):
        # One turn of the loop for four pictures.
        send(mount, video, key=number % 10 == 0)
        if number % 4 == 3:
            stage.advance(0)
        assert owner.reader.queued_bytes < 2 * 3_000
    assert owner.reader.dropped_packets == 0

    owner.work = lambda: stage.advance_clock(2 * MOST_TURN_S)
    for number in range(240):
        send(mount, video, key=number % 10 == 0)
        if number % 4 == 3:
            stage.one_turn()
        assert owner.reader.queued_bytes < 2 * 3_000
    while stage.waiting:
        stage.one_turn()
    seqs = owner.seqs()
    assert owner.reader.dropped_packets > 0
    assert len(seqs) + owner.reader.dropped_packets == 3 * 280
    resumed = [after for before, after in pairwise(seqs) if after != before + 1]
    assert resumed
    assert all((seq - 100) % 30 == 0 for seq in resumed), "each time at a key frame"
    assert mount.snapshot().dropped_packets == owner.reader.dropped_packets


def test_old_batches_count_as_slow_too(stage: Any) -> None:
    mount, video = stage.mount(slow_reader_max_age_s=1.0), stage.video()
    owner = Owner(stage)
    owner.reader.begin(mount)
    send(mount, video)
    stage.advance_clock(1.5)
    assert owner.reader.oldest_queued_s == 1.5
    send(mount, video)
    assert owner.reader.dropped_packets == 3


def test_a_reader_may_have_bounds_of_its_own(stage: Any) -> None:
    mount, video = stage.mount(slow_reader_max_bytes=500), stage.video()
    owner = Owner(stage, settings=stage.mount_settings(slow_reader_max_bytes=50_000))
    owner.reader.begin(mount)
    for _ in range(10):
        send(mount, video)
    stage.advance(0)
    assert (len(owner.got), owner.reader.dropped_packets) == (30, 0)


def test_a_function_that_takes_long_lets_others_have_their_turn(stage: Any) -> None:
    mount, video = stage.mount(), stage.video()
    owner = Owner(stage)
    owner.reader.begin(mount)
    for _ in range(3):
        send(mount, video)
    owner.work = lambda: stage.advance_clock(MOST_TURN_S)
    for batches in (1, 2, 3):
        stage.one_turn()
        assert len(owner.got) == 3 * batches


def test_a_slow_reader_is_closed_where_the_mount_says_so(stage: Any) -> None:
    mount = stage.mount(slow_reader_max_bytes=500, slow_reader_policy=SlowReaderPolicy.DISCONNECT)
    video, owner = stage.video(), Owner(stage)
    owner.reader.begin(mount)
    for _ in range(5):
        send(mount, video)
    assert owner.ends == []
    stage.advance(0)
    assert owner.ends == ["too slow for too long"]
    assert mount.readers == ()
    assert mount.counters.slow_disconnects == 1
    assert owner.seqs() == [100, 101, 102], "what waited is still given"


def test_the_end_of_the_mount_comes_behind_what_waits(stage: Any) -> None:
    mount, video, owner = stage.mount(), stage.video(), Owner(stage)
    owner.reader.begin(mount)
    send(mount, video)
    mount.close("over")
    assert (owner.got, owner.ends) == ([], [])
    stage.advance(0)
    assert owner.seqs() == [100, 101, 102]
    assert owner.ends == ["over"]
    mount.close("again")
    owner.reader.end("again")
    stage.advance(0)
    assert owner.ends == ["over"]
    assert owner.reader.end_reason == "over"


def test_one_that_leaves_gets_nothing_more(stage: Any) -> None:
    mount, video, owner = stage.mount(), stage.video(), Owner(stage)
    owner.reader.begin(mount)
    send(mount, video)
    owner.reader.end()
    send(mount, video)
    stage.advance(0)
    assert (owner.got, owner.ends) == ([], ["left"])
    assert (mount.readers, len(mount.tracks[0].fan_out)) == ((), 0)
    assert stage.recorder.events[-2:] == [
        ("reader_stopped", "recorder", "left"),
        ("mount_now_empty", "/cam"),
    ]


def test_one_may_leave_in_the_middle_of_a_batch(stage: Any) -> None:
    mount, video, owner = stage.mount(), stage.video(), Owner(stage)
    owner.reader.begin(mount)
    owner.work = owner.reader.end
    send(mount, video)
    send(mount, video)
    stage.advance(0)
    assert owner.seqs() == [100, 101, 102]
    assert owner.ends == ["left"]


def test_what_the_function_raises_ends_this_reader_alone(
    stage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    mount, video = stage.mount(), stage.video()
    broken, other = Owner(stage, "broken"), Owner(stage, "other")
    for owner in (broken, other):
        owner.reader.begin(mount)
    nothing: dict[str, None] = {}
    broken.work = lambda: nothing["nothing"]
    for _ in range(2):
        send(mount, video)
    stage.advance(0)
    assert broken.seqs() == [100, 101, 102]
    assert broken.ends == ["its function raised KeyError"]
    assert len(other.got) == 6
    assert mount.readers == (other.reader,)
    assert "a reader's function raised" in caplog.text


def test_what_the_notice_of_the_end_raises_stays_there(
    stage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_reason: str) -> None:
        raise ValueError("no end")

    mount = stage.mount()
    reader = FunctionReader(
        "r", lambda *_: None, clock=stage.clock, call_soon=stage.call_soon, on_end=broken
    )
    reader.begin(mount)
    mount.close("over")
    stage.advance(0)
    assert "no end" in caplog.text


def test_a_mount_that_does_not_take_it(stage: Any) -> None:
    mount = stage.mount(max_readers=1)
    first, second = Owner(stage, "1"), Owner(stage, "2")
    first.reader.begin(mount)
    with pytest.raises(MountFull):
        second.reader.begin(mount)
    with pytest.raises(IndexError):
        Owner(stage, "3").reader.begin(mount, [7])
    assert mount.readers == (first.reader,)
    first.reader.end()
    second.reader.begin(mount)
    with pytest.raises(RuntimeError, match="make another one"):
        second.reader.begin(mount)
    mount.close("over")
    with pytest.raises(MountClosed):
        Owner(stage, "4").reader.begin(mount)
    with pytest.raises(RuntimeError, match="make another one"):
        first.reader.begin(mount)


def test_a_publisher_that_comes_back_goes_on_for_it(stage: Any) -> None:
    mount, video, owner = stage.mount(), stage.video(), Owner(stage)
    owner.reader.begin(mount)
    send(mount, video)
    mount.publisher_left(mount.publisher, "gone")
    mount.publisher_arrived(stage.FakePublisher("q"), mount.presentation)
    send(mount, stage.video(ssrc=7, seq=9_000))
    stage.advance(0)
    assert owner.seqs() == list(range(100, 106))
