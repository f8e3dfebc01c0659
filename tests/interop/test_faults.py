"""Each fault of a fake camera does to a real client what it says: PyAV plays, and the table tells.

What a player bears, what it refuses, and what it waits for in vain. The faults of packets that are
lost, late or damaged are in `tests/testing/fake_camera/test_faults_for_players.py`.
"""

from __future__ import annotations

import base64
import inspect
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import pytest
from camera_talk import Rtp
from overheard import Message, Overheard, overheard
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

Shows = Callable[[Overheard], bool]
"""Whether what the camera said to the player has the fault in it."""

_SPS, _FU_A, _FU_END = 7, 28, 0x40


def _empty_units(line: Overheard) -> bool:
    return any(each.payload == b"\x09\xf0" and each.marker for each in line.packets())


def _fragments_without_end(line: Overheard) -> bool:
    fragments = [each.payload for each in line.packets() if each.payload[0] & 31 == _FU_A]
    return bool(fragments) and not any(each[1] & _FU_END for each in fragments)


def _repeats_a_number(line: Overheard) -> bool:
    return any(
        (each.seq, later.payload_type) == (later.seq, 50)
        for each, later in pairwise(line.packets())
    )


def _reports_before_the_answer(line: Overheard) -> bool:
    plays = next(
        at
        for at, each in enumerate(line.said)
        if isinstance(each, Message) and "RTP-Info" in each.headers
    )
    return any(isinstance(each, Rtp) and each.channel == 1 for each in line.said[:plays])


def _jumps_once(line: Overheard) -> bool:
    steps = [(later.seq - each.seq) & 0xFFFF for each, later in pairwise(line.packets())]
    return steps.count(1_001) == 1 and set(steps) == {1, 1_001}


def _sets_have_start_codes(line: Overheard) -> bool:
    found = re.search(r"sprop-parameter-sets=([^;\r\n]+)", line.description)
    assert found is not None
    return all(base64.b64decode(each)[:4] == b"\0\0\0\1" for each in found[1].split(","))


def _changes_time_within_a_unit(line: Overheard) -> bool:
    packets = line.packets()
    return any(
        not each.marker and later.marker and later.timestamp == each.timestamp + 1
        for each, later in pairwise(packets)
    )


BORNE: list[tuple[Fault, Shows]] = [
    (Ask("OPTIONS"), lambda line: any(m.first.startswith("OPTIONS ") for m in line.messages)),
    # An answer comes in one piece otherwise.
    (Drip("OPTIONS", 0.002), lambda line: len(b"".join(line.pieces[:3])) < 100),
    (EmptyUnits(), _empty_units),
    (ForeignChannel(), lambda line: bool(line.packets(16))),
    (ForeignSource(), lambda line: 0xDEAD in {each.ssrc for each in line.packets()}),
    (FragmentBits(end=False), _fragments_without_end),
    (LongSdp(), lambda line: len(line.description) > 100_000),
    (
        MarkerOnParameterSets(),
        lambda line: any(p.marker and p.payload[0] & 31 == _SPS for p in line.packets()),
    ),
    (NoSprop(), lambda line: "sprop" not in line.description),
    (
        OtherCSeq("SETUP"),
        lambda line: "4711" in {each.headers.get("CSeq") for each in line.messages},
    ),
    (RepeatedSequence(), _repeats_a_number),
    (ReportBeforePlayAnswer(), _reports_before_the_answer),
    (SequenceJump(units=10, by=1_000), _jumps_once),
    (SpropAround(before=b"\0\0\0\1"), _sets_have_start_codes),
    (StaleFrames(), lambda line: isinstance(line.said[0], Rtp) and line.said[0].ssrc == 0xDEAD),
    (TimestampWithinUnit(), _changes_time_within_a_unit),
]
"""What libav plays all the same, and how it shows: a client that does not has faults itself."""

UNASKED: list[tuple[Fault, str, str]] = [
    (BackChannels(), "DESCRIBE", "Require: www.onvif.org/ver20/backchannel"),
    (DescribeFirst(), "SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"),
]
"""What libav never gives an occasion for, and the request that does."""

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


def played(camera: FakeCamera) -> Overheard:
    """Let the player have its pictures; what the camera said to it."""
    with overheard(camera.port) as line:
        url = camera.url.replace(f":{camera.port}/", f":{line.port}/")
        assert [each.number for each in pictures_of(url, COUNT)] == list(range(COUNT))
    return line


@pytest.mark.interop
@pytest.mark.parametrize(("fault", "shows"), BORNE, ids=name_of)
def test_a_player_bears_it(fault: Fault, shows: Shows) -> None:
    with FakeCamera(fault) as camera:
        assert shows(played(camera))


@pytest.mark.interop
def test_a_good_camera_has_none_of_it() -> None:
    with FakeCamera() as camera:
        line = played(camera)
    assert [name_of(fault) for fault, shows in BORNE if shows(line)] == []


@pytest.mark.interop
@pytest.mark.parametrize(("fault", "method", "header"), UNASKED, ids=name_of)
def test_a_player_gives_no_occasion_for_it(fault: Fault, method: str, header: str) -> None:
    with FakeCamera(fault) as camera, FakeCamera() as good:
        line = played(camera)
        assert all(each.first == "RTSP/1.0 200 OK" for each in line.messages)
        assert "backchannel" not in line.description
        assert asked(camera, method, header) != asked(good, method, header)


def asked(camera: FakeCamera, method: str, header: str) -> tuple[str, int]:
    """The first line of an answer, and how many media the description in it has."""
    uri = camera.url if method == "DESCRIBE" else f"{camera.url}/trackID=0"
    with socket.create_connection(("127.0.0.1", camera.port), 20) as client:
        client.sendall(f"{method} {uri} RTSP/1.0\r\nCSeq: 1\r\n{header}\r\n\r\n".encode())
        with client.makefile("rb") as answer:
            first = answer.readline().decode().strip()
            lines = iter(lambda: answer.readline().strip(), b"")
            length = sum(int(line[15:]) for line in lines if line.startswith(b"Content-Length:"))
            return first, answer.read(length).count(b"m=")


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
