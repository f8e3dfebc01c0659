"""The table that `headwater status` prints."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from headwater.cli.commands.status_view import (
    MOST_HINTS,
    MOST_READERS,
    bit_rate,
    duration,
    health_line,
    size,
    status_view,
)


def shown(document: dict[str, Any], before: dict[str, Any] | None = None) -> str:
    console = Console(file=StringIO(), width=160)
    console.print(status_view(document, before))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def reader(number: int, **values: Any) -> dict[str, Any]:
    return {
        "peer": f"192.0.2.1:{6000 + number}",
        "transport": "tcp",
        "user_agent": "",
        "state": "live",
        "queued_bytes": 0,
        "oldest_queued_s": 0.0,
        "dropped_packets": 0,
        "reported_lost_packets": 0,
        "reported_fraction_lost": 0.0,
    } | values


def mount(path: str, *readers: dict[str, Any], size_bytes: int = 0, **values: Any) -> Any:
    return {
        "path": path,
        "state": "live",
        "opened_s": 100.0,
        "age_s": 10.0,
        "publisher": {"peer": "192.0.2.9:5000", "transport": "udp", "user_agent": "cam"},
        "tracks": [
            {
                "kind": "video",
                "encoding": "H264",
                "bytes": size_bytes,
                "packets": 70,
                "batches": 10,
                "lost_packets": 3,
            }
        ],
        "kernel_drops": 2,
        "dropped_packets": 11,
        "readers": list(readers),
    } | values


def document(*mounts: Any, **values: Any) -> dict[str, Any]:
    return {
        "version": "1.2",
        "state": "running",
        "clock_s": 110.0,
        "uptime_s": 10.0,
        "ports": {
            "publish": 8554, "play": 8554, "rtsps": 0, "udp_pairs": 50, "udp_pairs_in_use": 4,
        },
        "process": {
            "pid": 7, "memory_bytes": 52_000_000, "peak_memory_bytes": 60_000_000,
            "descriptors": 30, "descriptors_allowed": 20_000,
        },
        "connections": {"open": 3, "queued_bytes": 2048, "bytes_sent": 1_000_000},
        "egress": {"sent_bytes": 250_000},
        "drops": {"missed_by_readers": 0, "kernel_receive": 0},
        "counters": {"refused_by_limit": {}},
        "hook_threads": [],
        "mounts": list(mounts),
        "sessions": [{}, {}],
    } | values  # fmt: skip


def test_a_server_at_rest_is_two_lines() -> None:
    assert shown(document()).splitlines() == [
        "headwater 1.2 running  up 10 s  pid 7  port 8554  UDP pairs 4 of 50",
        (
            "in 0 b/s  out 1 Mb/s (since the start)  connections 3  sessions 2  queued 2.05 kB  "
            "memory 52 MB  descriptors 30 of 20000"
        ),
    ]


def test_a_mount_is_a_line() -> None:
    text = shown(document(mount("/a", reader(1), size_bytes=5_000_000)))
    assert "in 4 Mb/s" in text
    line = next(line for line in text.splitlines() if line.startswith(" /a"))
    cells = [cell for cell in line.split("  ") if cell]
    assert [cell.strip() for cell in cells] == [
        "/a", "live", "192.0.2.9:5000 udp cam", "H264", "4 Mb/s", "7.0", "3", "1", "11",
    ]  # fmt: skip


def test_kernel_drops_are_told_once_and_by_themselves() -> None:
    text = shown(document(mount("/a"), drops={"missed_by_readers": 0, "kernel_receive": 2}))
    assert "drops  kernel receive 2" in text
    assert "missed by readers" not in text


def test_rates_are_those_since_the_look_before() -> None:
    before = document(mount("/a", size_bytes=1_000_000), mount("/b", size_bytes=9, opened_s=1.0))
    now = document(
        mount("/a", size_bytes=1_500_000),
        mount("/b", size_bytes=250_000),
        clock_s=112.0,
        connections={"open": 3, "queued_bytes": 0, "bytes_sent": 2_000_000},
    )
    text = shown(now, before)
    assert "in 3 Mb/s  out 4 Mb/s (now)" in text
    assert "2 Mb/s" in next(line for line in text.splitlines() if line.startswith(" /a"))
    # It closed and opened anew meanwhile: all of it is new.
    assert "1 Mb/s" in next(line for line in text.splitlines() if line.startswith(" /b"))


def test_a_mount_without_publisher_or_packets() -> None:
    empty = {"kind": "audio", "encoding": "", "bytes": 0, "packets": 0, "batches": 0}
    waiting = mount(
        "/a", state="grace", publisher=None, age_s=0.0, tracks=[empty | {"lost_packets": 0}]
    )
    line = next(line for line in shown(document(waiting)).splitlines() if line.startswith(" /a"))
    assert line.split() == ["/a", "grace", "none", "audio", "0", "b/s", "–", "0", "0", "11"]


def test_readers_with_the_most_trouble_come_first_and_the_rest_is_counted() -> None:
    well = [reader(number) for number in range(MOST_READERS + 5)]
    worst = reader(99, dropped_packets=8, queued_bytes=5000, oldest_queued_s=1.5)
    lossy = reader(98, reported_lost_packets=4, reported_fraction_lost=0.25)
    text = shown(document(mount("/a", *well, lossy, worst)))
    lines = [line for line in text.splitlines() if "192.0.2.1:" in line]
    assert len(lines) == MOST_READERS
    assert lines[0].split() == (
        ["/a", "192.0.2.1:6099", "tcp", "live", "5", "kB", "1.50", "s", "8", "0", "(0.0%)"]
    )
    assert lines[1].split()[-2:] == ["4", "(25.0%)"]
    assert "and 7 more readers" in text


def test_what_would_help_readers_is_a_line_each_and_few_are_shown() -> None:
    assert "hint" not in shown(document(mount("/a", reader(1))))
    readers = [reader(number, hint=f"wants port {number}") for number in range(MOST_HINTS + 2)]
    text = shown(document(mount("/a", *readers)))
    assert "hint  192.0.2.1:6000 on /a wants port 0" in text
    assert text.count("wants port") == MOST_HINTS
    assert "and 2 more hints" in text


def test_drops_and_refusals_are_told_only_where_there_are_any() -> None:
    quiet = shown(document())
    assert "drops" not in quiet
    assert "stuck" not in quiet
    assert "refused" not in quiet
    loud = shown(
        document(
            drops={"missed_by_readers": 5, "kernel_receive": 0},
            counters={"refused_by_limit": {"limits.sessions": 2}},
            hook_threads=[
                {"side": "play", "purpose": "decide", "alive": 3, "stuck": 2, "most": 48},
                {"side": "play", "purpose": "notify", "alive": 1, "stuck": 0, "most": 48},
            ],
        )
    )
    assert "drops  missed by readers 5\n" in loud
    assert "stuck  2 of 48 threads of hooks that decide (play)\n" in loud
    assert loud.count("stuck") == 1
    assert "refused  limits.sessions 2\n" in loud


def test_workers_have_a_line_each_and_those_that_died_are_told() -> None:
    worker = {
        "name": "w1", "pid": 77, "uptime_s": 90.0, "mounts": 3, "pulled_mounts": 2, "sessions": 40,
        "connections": 50, "memory_bytes": 30_000_000, "cpu_user_s": 50.0, "cpu_system_s": 15.0,
    }  # fmt: skip
    text = shown(document(workers=[worker, worker | {"name": "w2"}], replaced_workers=1))
    (line,) = [line for line in text.splitlines() if line.lstrip().startswith("w1")]
    assert " ".join(line.split()) == "w1 77 1 min 30 s 3 2 40 50 30 MB 1 min 5 s"
    assert " w2 " in text
    assert "1 worker died and replaced" in text


def test_what_waits_for_a_restart_is_named() -> None:
    settings = {"applied_s": 50.0, "changed": 2, "need_restart": ["server.host", "rtp.ports"]}
    text = shown(document(settings=settings))
    assert "settings applied 1 min 0 s ago, 2 changes" in text
    assert "until a restart as before: server.host, rtp.ports" in text
    assert "until a restart" not in shown(document(settings=settings | {"need_restart": []}))


def test_lines_that_the_log_left_out_are_told() -> None:
    assert "log  left out 4" in shown(document(log={"left_out": 4, "lost": 0}))


def test_what_peers_call_themselves_is_no_markup() -> None:
    agent = {"peer": "192.0.2.9:1", "transport": "tcp", "user_agent": "[bold]x[/nothing]"}
    assert "[bold]x[/nothing]" in shown(document(mount("/[red]a", publisher=agent)))


def test_two_ports_and_tls() -> None:
    ports = {"publish": 1, "play": 2, "rtsps": 322, "udp_pairs": 5, "udp_pairs_in_use": 0}
    assert "publish 1 play 2 rtsps 322" in shown(document(ports=ports))


def test_what_the_system_does_not_tell() -> None:
    process = {
        "pid": 7, "memory_bytes": None, "peak_memory_bytes": None, "descriptors": None,
        "descriptors_allowed": None,
    }  # fmt: skip
    text = shown(document(process=process))
    assert "memory unknown" in text
    assert "descriptors unknown" in text
    unlimited = shown(document(process=process | {"descriptors": 5, "descriptors_allowed": 0}))
    assert "descriptors 5\n" in unlimited


def test_the_line_of_the_health_command() -> None:
    health = {"state": "running", "version": "1.2", "uptime_s": 61.0}
    assert health_line(health | {"mounts": 1, "sessions": 2, "connections": 0}) == (
        "running: headwater 1.2, up 1 min 1 s, 1 mount, 2 sessions, 0 connections"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.9, "59 s"),
        (60, "1 min 0 s"),
        (3600, "1 h 0 min"),
        (7384, "2 h 3 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (999_700, "1 MB"),
        (12_345_678, "12.3 MB"),
        (5 * 10**12, "5 TB"),
        (None, "unknown"),
    ],
)
def test_sizes(size_bytes: int | None, text: str) -> None:
    assert size(size_bytes) == text


def test_a_rate_over_no_time_is_none() -> None:
    assert bit_rate(100, 0.0) == "0 b/s"
    assert bit_rate(125_000, 1.0) == "1 Mb/s"


def test_forwards_are_shown_with_what_went_wrong() -> None:
    forward = {
        "path": "/cam",
        "url": "rtsp://far.example/cam",
        "state": "sending",
        "since_s": 50.0,
        "transport": "tcp",
        "sent_bytes": 3_000_000,
        "dropped_packets": 7,
        "tries": 1,
        "error": "",
    }
    waiting = forward | {
        "state": "waiting",
        "transport": "",
        "since_s": 109.0,
        "tries": 4,
        "error": "connect: Connection refused",
    }
    text = shown(document(forwards=[forward, waiting]))
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines[-2].split() == [
        *("/cam", "rtsp://far.example/cam", "sending", "tcp", "1", "min", "0", "s"),
        *("3", "MB", "7", "1"),
    ]
    assert lines[-1].split()[2:] == [
        *("waiting", "1", "s", "3", "MB", "7", "4", "connect:", "Connection", "refused"),
    ]
    assert "forwarded" not in shown(document(mount("/cam"), forwards=[]))


def test_sources_are_shown_with_the_one_that_is_live() -> None:
    first = {
        "url": "rtsp://…@camera/1",
        "state": "waiting",
        "live": False,
        "up_s": 0.0,
        "tries": 4,
        "last_error": "connect: Connection refused",
    }
    second = first | {"url": "rtsp://other/1", "state": "running", "live": True, "up_s": 60.0}
    reception = {"bits_per_s": 2_000_000.0, "lost_packets": 7, "key_frame_distance_s": 2.04}
    front = {
        "path": "/front",
        "transport": "udp",
        "sources": [first, second | {"tries": 1, "last_error": ""}],
        "reception": reception,
    }
    text = shown(document(sources=[front]))
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines[-2].split() == [
        *("/front", "rtsp://…@camera/1", "waiting", "–", "–", "–", "–", "4"),
        *("connect:", "Connection", "refused"),
    ]
    assert lines[-1].split() == [
        *("/front", "rtsp://other/1", "live", "udp", "1", "min", "0", "s", "2", "Mb/s", "7"),
        *("2.0", "s", "1"),
    ]
    assert "fetched from" not in shown(document(mount("/cam"), sources=[]))
