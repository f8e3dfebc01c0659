"""Faults of packets and answers, as PyAV meets them: what it still decodes, and what it says."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import av
import pytest
from camera_talk import CameraTalk
from overheard import Overheard, overheard
from pyav_player import pictures_of

from headwater.testing import (
    Bitrot,
    CutAfter,
    CutConnection,
    Drop,
    FakeCamera,
    Fault,
    NewSsrc,
    NoParameterSets,
    NoSenderReports,
    NoSprop,
    Reorder,
    Reply,
    SequenceJump,
    WrongClock,
)
from headwater.testing.fake_camera import AsyncFakeCamera, CameraSettings, sample

KEY_DISTANCE = 25
NTP_SECOND = 1 << 32
NTP_TO_UNIX_S = 2_208_988_800


def numbers(*faults: Fault | str, count: int = 40, codec: str = "h264", **how: str) -> list[int]:
    with FakeCamera(*faults, codec=codec) as camera:
        return [each.number for each in pictures_of(camera.url, count, **how)]


def hours_ahead(line: Overheard) -> int:
    """How far the clock of the camera's first report is from this machine's."""
    ntp = int.from_bytes(line.packets(1)[0].data[8:16], "big")
    return round((ntp / NTP_SECOND - NTP_TO_UNIX_S - time.time()) / 3_600)


@pytest.mark.parametrize(
    ("fault", "shows"),
    [
        (NoSenderReports(), lambda line: not line.packets(1)),
        (NewSsrc(every=10), lambda line: len({each.ssrc for each in line.packets()}) > 3),
        (WrongClock(offset_s=3_600), lambda line: hours_ahead(line) == 1),
    ],
    ids=["no reports", "new sources", "wrong clock"],
)
def test_some_faults_a_player_bears(fault: Fault, shows: Callable[[Overheard], bool]) -> None:
    lines = []
    for camera in (FakeCamera(fault), FakeCamera()):
        with camera, overheard(camera.port) as line:
            url = camera.url.replace(f":{camera.port}/", f":{line.port}/")
            assert [each.number for each in pictures_of(url, 40)] == list(range(40))
        lines.append(line)
    assert [shows(line) for line in lines] == [True, False]


def test_lost_packets_are_missing_pictures() -> None:
    seen = numbers(Drop(every=7), codec="mjpeg")
    assert len(set(range(40)) - set(seen)) > 5


def test_packets_that_pass_each_other_are_put_in_order_by_a_player_over_udp() -> None:
    seen = numbers(Reorder(every=10), transport="udp")
    assert seen == list(range(seen[0], seen[0] + 40))


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_late_parameter_sets_are_late_pictures(codec: str) -> None:
    faults = (NoSprop(), NoParameterSets(before_unit=KEY_DISTANCE))
    with FakeCamera(*faults, codec=codec) as camera:
        began_s = time.monotonic()
        seen = pictures_of(camera.url, 3)
    assert len(seen) == 3
    # A key frame each second: the first one says nothing of how to decode it.
    assert seen[0].came_s - began_s > 0.9


def test_a_cut_ends_the_stream() -> None:
    seen = numbers(CutAfter(units=20))
    assert seen == list(range(len(seen)))
    assert 15 <= len(seen) <= 20


def test_wrong_bits_are_wrong_pictures() -> None:
    clean = numbers(codec="mjpeg", count=20)
    assert clean == list(range(20))
    with FakeCamera(Bitrot(share=1.0), codec="mjpeg") as camera:
        damaged = [each.number for each in pictures_of(camera.url, 20)]
    assert damaged != clean


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Reply("DESCRIBE", 404), av.HTTPNotFoundError),
        (Reply("DESCRIBE", 401), av.HTTPUnauthorizedError),
        (CutConnection("DESCRIBE"), av.FFmpegError),
    ],
    ids=["404", "401", "cut"],
)
def test_wrong_answers_are_errors_of_the_player(fault: Fault, said: type[av.FFmpegError]) -> None:
    with FakeCamera(fault) as camera, pytest.raises(said):
        pictures_of(camera.url, 1)


async def test_a_jump_of_sequence_numbers_is_on_the_wire() -> None:
    fast = CameraSettings(pace=None)
    async with CameraTalk.with_one(
        AsyncFakeCamera(SequenceJump(units=2, by=1_000), settings=fast)
    ) as talk:
        await talk.play()
        first, second, third = await talk.pictures(3)
    assert (second[0].seq - first[-1].seq) & 0xFFFF == 1
    assert (third[0].seq - second[-1].seq) & 0xFFFF == 1_001


async def test_a_new_source_each_so_many_units_and_reports_of_it() -> None:
    settings = CameraSettings(pace=None, report_interval_s=0.0)
    async with CameraTalk.with_one(AsyncFakeCamera(NewSsrc(every=2), settings=settings)) as talk:
        await talk.play()
        pictures = await talk.pictures(6)
        assert talk.camera.sessions[0].flows[0].ssrc == pictures[0][0].ssrc
    first = pictures[0][0].ssrc
    assert [picture[0].ssrc - first for picture in pictures] == [0, 0, 1, 1, 2, 2]


async def test_a_clock_that_is_set_anew_says_so_in_its_reports() -> None:
    settings = CameraSettings(pace=None, report_interval_s=0.0)
    fault = WrongClock(step_s=3_600, step_after=3)
    async with CameraTalk.with_one(AsyncFakeCamera(fault, settings=settings)) as talk:
        await talk.play()
        times = [int.from_bytes((await talk.report())[8:16], "big") for _ in range(6)]
    steps_s = [(later - earlier) / NTP_SECOND for earlier, later in pairwise(times)]
    assert [step > 3_599 for step in steps_s] == [False, False, True, False, False]


def test_a_clock_that_runs_too_fast_takes_its_pictures_so() -> None:
    assert WrongClock(ppm=200).rate() == pytest.approx(1.0002)
    with FakeCamera(WrongClock(ppm=1_000_000)) as camera:
        seen = pictures_of(camera.url, 50)
    # Twice as fast: the stream tells of two seconds, and one has passed.
    told_s, passed_s = seen[-1].pts_s - seen[0].pts_s, seen[-1].came_s - seen[0].came_s
    assert told_s > passed_s * 1.3


def test_a_quirk_goes_by_its_name() -> None:
    assert numbers("rtp-info-seq-0", "tcp-only", count=3) == [0, 1, 2]
    with pytest.raises(ValueError, match="did you mean 'tcp-only'"):
        FakeCamera("tcp_only")
    assert sample.PICTURES == 50
