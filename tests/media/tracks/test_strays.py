"""Packets that come on a track's way and do not belong to it."""

from __future__ import annotations

from typing import Any

import pytest
from rtsp_peer import SDP_VIDEO

from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.protocol.sdp import SessionDescription

OWN, OTHER = 1, 9


def packet(seq: int, *, ssrc: int = OWN, kind: int = 96, at: int | None = None) -> bytes:
    timestamp = seq * 3600 if at is None else at
    return bytes([0x80, kind]) + b"".join(
        (
            seq.to_bytes(2, "big"),
            (timestamp & 0xFFFFFFFF).to_bytes(4, "big"),
            ssrc.to_bytes(4, "big"),
            b"payload",
        )
    )


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def track(clock: Clock) -> Track:
    media = SessionDescription.parse(SDP_VIDEO).media[0]
    return Track(0, media, clock=clock)


def written(track: Track, *batches: list[bytes], run: bool = False) -> list[bytes]:
    """What goes out of these batches."""
    seen: list[bytes] = []

    def tap(_index: int, batch: PacketBatch) -> None:
        seen.extend(batch.packets)

    track.tap = tap
    for batch in batches:
        if run:
            track.write_run(b"".join(batch), len(batch[0]))
        else:
            track.write(list(batch))
    return seen


@pytest.mark.parametrize("run", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_what_nobody_described_and_repeats_a_number_goes_no_further(
    track: Track, apart: bool, run: bool
) -> None:
    own = [packet(seq) for seq in range(20)]
    odd = packet(9, kind=50)
    batches = [own[:10], [odd], own[10:]] if apart else [[*own[:10], odd, *own[10:]]]
    assert written(track, *batches, run=run) == own
    assert (track.counters.invalid_packets, track.counters.lost_packets) == (1, 0)
    assert track.counters.packets == 20


def test_what_nobody_described_is_relayed_under_a_number_of_its_own(track: Track) -> None:
    packets = [packet(0), packet(1, kind=50), packet(2)]
    assert written(track, packets) == packets


def test_a_described_packet_that_comes_twice_is_relayed_twice(track: Track) -> None:
    packets = [packet(0), packet(0), packet(1)]
    assert written(track, packets) == packets


def foreign(count: int, first: int = 30_000) -> list[bytes]:
    return [packet(first + number, ssrc=OTHER, at=7) for number in range(count)]


def test_another_source_is_relayed_where_there_may_be_several(track: Track) -> None:
    packets = [packet(0), *foreign(1), packet(1)]
    assert written(track, packets) == packets


@pytest.mark.parametrize("run", [False, True])
def test_another_source_goes_no_further_where_there_is_one(track: Track, run: bool) -> None:
    track.expect_one_source(True)
    own = [packet(seq) for seq in range(40)]
    mixed: list[bytes] = []
    for number, (mine, other) in enumerate(zip(own, foreign(40), strict=True)):
        mixed += [mine, other] if number % 3 == 0 else [mine]
    assert written(track, mixed[:20], mixed[20:], run=run) == own
    assert track.counters.lost_packets == 0
    assert track.ssrc == OWN


def test_a_source_that_goes_on_where_the_other_stood_is_the_tracks_own(track: Track) -> None:
    track.expect_one_source(True)
    packets = [packet(0), packet(1), packet(2), packet(3, ssrc=OTHER), packet(4, ssrc=OTHER)]
    assert written(track, packets[:2], packets[2:]) == packets


def test_a_source_is_taken_once_the_one_before_is_silent(track: Track, clock: Clock) -> None:
    track.expect_one_source(True)
    assert written(track, [packet(0)], foreign(3)) == [packet(0)]
    clock.now += 2.5
    assert written(track, foreign(3)) == foreign(3)
    assert track.ssrc == OTHER


def test_a_stray_source_that_came_first_does_not_keep_the_true_one_out(track: Track) -> None:
    track.expect_one_source(True)
    true = [packet(seq) for seq in range(100)]
    went_out: list[Any] = written(track, foreign(2), *([each] for each in true))
    assert went_out[:2] == foreign(2)
    assert went_out[2:] == true[-len(went_out) + 2 :]
    assert len(went_out) > 80
