"""Each fault of a fake camera does to a real client what it says: PyAV plays, and the table tells.

What a player bears, what it refuses, and what it waits for in vain. The faults of packets that are
lost, late or damaged are in `tests/testing/fake_camera/test_faults_for_players.py`.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import av
import pytest
from pyav_player import pictures_of

from headwater import testing
from headwater.testing import (
    Ask,
    BackChannels,
    DescribeFirst,
    Drip,
    Echo,
    EmptyUnits,
    EndlessBody,
    EndlessHeaders,
    FakeCamera,
    Fault,
    FloodOfRequests,
    ForeignChannel,
    ForeignSource,
    FragmentBits,
    Garbage,
    GarbageBetweenFrames,
    Hang,
    LongSdp,
    MarkerOnParameterSets,
    NoAnswer,
    NoParameterSets,
    NoSprop,
    OtherCSeq,
    Refuse,
    RenameHeader,
    RepeatedSequence,
    Reply,
    ReportBeforePlayAnswer,
    ReportBytes,
    Require,
    Rewrite,
    RewriteSdp,
    SequenceJump,
    SetHeader,
    SilentOverUdp,
    SpropAround,
    StaleFrames,
    TimestampJump,
    TimestampWithinUnit,
)

COUNT = 20
SHORT_US = "1500000"
VAIN_S = 4.0
TESTS = Path(__file__).resolve().parents[1]

BORNE: list[Fault] = [
    Ask("OPTIONS"),
    BackChannels(),
    DescribeFirst(),
    Drip("OPTIONS", 0.002),
    EmptyUnits(),
    ForeignChannel(),
    ForeignSource(),
    FragmentBits(end=False),
    LongSdp(),
    MarkerOnParameterSets(),
    NoSprop(),
    OtherCSeq("SETUP"),
    RepeatedSequence(),
    ReportBeforePlayAnswer(),
    SequenceJump(units=10, by=1_000),
    SpropAround(before=b"\0\0\0\1"),
    StaleFrames(),
    TimestampWithinUnit(),
]
"""What libav plays all the same: a client that does not has a fault of its own."""

REFUSED: list[tuple[Fault, type[av.FFmpegError | OSError], str]] = [
    (Echo("DESCRIBE"), av.InvalidDataError, "DESCRIBE"),
    (EndlessBody(), av.FFmpegError, "DESCRIBE"),
    (Garbage("DESCRIBE", b"\0\1nonsense\r\n\r\n"), av.InvalidDataError, "DESCRIBE"),
    (Garbage("SETUP", b"xx", instead=False), av.InvalidDataError, "SETUP"),
    (Hang("DESCRIBE"), av.InvalidDataError, "DESCRIBE"),
    (NoAnswer("OPTIONS"), av.InvalidDataError, "OPTIONS"),
    (Refuse("DESCRIBE", "User-Agent", "Lavf", 403), av.HTTPForbiddenError, "DESCRIBE"),
    (RenameHeader("SETUP", "Transport", "Transprt"), av.InvalidDataError, "SETUP"),
    (Reply("SETUP", 461), OSError, "SETUP"),
    (Require("DESCRIBE", "User-Agent", "other", 403), av.HTTPForbiddenError, "DESCRIBE"),
    (Rewrite("SETUP", "Session", r"^(\w+)", r"\1x"), av.HTTPOtherClientError, "PLAY"),
    (SetHeader("SETUP", "Session", None), av.HTTPOtherClientError, "PLAY"),
]
"""What ends a player with an error, and the last request that it makes before."""

IN_VAIN: list[tuple[Fault, str]] = [
    (EndlessHeaders("DESCRIBE"), "tcp"),
    (FloodOfRequests(), "tcp"),
    (FragmentBits(start=False), "tcp"),
    (GarbageBetweenFrames(), "tcp"),
    (ReportBytes(b"\x80\xc8"), "tcp"),
    (RewriteSdp("H264", "H263"), "tcp"),
    (SilentOverUdp(), "udp"),
]
"""What keeps a player from its pictures; some of it for ever, whatever its time-outs are."""

PLAYER = """
import sys
sys.path.insert(0, sys.argv[1])
from pyav_player import pictures_of
print(len(pictures_of(sys.argv[2], int(sys.argv[3]), transport=sys.argv[4])))
"""


def name_of(given: object) -> str:
    return type(given).__name__ if isinstance(given, Fault) else ""


@pytest.mark.interop
@pytest.mark.parametrize("fault", BORNE, ids=name_of)
def test_a_player_bears_it(fault: Fault) -> None:
    with FakeCamera(fault) as camera:
        assert [each.number for each in pictures_of(camera.url, COUNT)] == list(range(COUNT))


@pytest.mark.interop
@pytest.mark.parametrize(("fault", "error", "last"), REFUSED, ids=name_of)
def test_a_player_gives_up(fault: Fault, error: type[Exception], last: str) -> None:
    options = {"rtsp_transport": "tcp", "timeout": SHORT_US}
    with FakeCamera(fault) as camera:
        with pytest.raises(error):
            av.open(camera.url, options=options)
        assert camera.requests[-1].method in {last, "TEARDOWN"}
        assert camera.seen(last)


@pytest.mark.interop
@pytest.mark.parametrize(("fault", "transport"), IN_VAIN, ids=name_of)
def test_a_player_waits_in_vain(fault: Fault, transport: str) -> None:
    # In a process of its own: a player that hangs cannot be told to stop.
    with FakeCamera(fault) as camera:
        command = [
            sys.executable,
            "-c",
            PLAYER,
            str(TESTS / "peers"),
            camera.url,
            str(COUNT),
            transport,
        ]
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run(command, timeout=VAIN_S, check=False, stderr=subprocess.DEVNULL)
        assert camera.seen("DESCRIBE")


@pytest.mark.interop
def test_a_jump_of_time_stamps_is_a_jump_of_time() -> None:
    with FakeCamera(TimestampJump(units=10, by=90_000)) as camera:
        seen = pictures_of(camera.url, COUNT)
    assert [each.number for each in seen] == list(range(COUNT))
    steps_s = [round(later.pts_s - each.pts_s, 2) for each, later in pairwise(seen)]
    assert steps_s.count(1.04) == 1
    assert set(steps_s) == {0.04, 1.04}


@pytest.mark.interop
def test_parameter_sets_that_come_nowhere_are_no_pictures() -> None:
    with FakeCamera(NoSprop(), NoParameterSets()) as camera:
        command = [
            sys.executable,
            "-c",
            PLAYER,
            str(TESTS / "peers"),
            camera.url,
            str(COUNT),
            "tcp",
        ]
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run(command, timeout=VAIN_S, check=False, stderr=subprocess.DEVNULL)
        assert camera.seen("PLAY")


def test_every_fault_is_shown_to_a_client() -> None:
    faults = {
        name
        for name in testing.__all__
        if inspect.isclass(kind := getattr(testing, name))
        and issubclass(kind, Fault)
        and kind is not Fault
    }
    folder = TESTS / "testing" / "fake_camera"
    pages = (
        Path(__file__),
        folder / "test_faults_for_players.py",
        folder / "faults" / "test_timing.py",
    )
    shown = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    assert {name for name in faults if f"{name}(" not in shown} == set()
    assert len(faults) > 40
