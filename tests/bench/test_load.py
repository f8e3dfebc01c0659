"""The load generator sees what a server does to packets, and the whole of it runs."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench.fleet import Picture
from bench.measure import OverloadedError, run_step
from bench.native import OVER_UDP, load_library
from bench.peers import Server, fetching, headwater
from bench.stage import Window
from bench.steps import BESIDE, Kind, Step

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("cc") is None,
    reason="the load generator needs Linux and a C compiler",
)

PACKETS = 100
DEADLINE_S = 10.0


@pytest.fixture
def port() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(DEADLINE_S)
        yield sock


def relayed(port: socket.socket, relay: Callable[[int, bytes], list[bytes]]) -> dict[str, int]:
    """What a reader counts when `relay` stands between it and a camera for PACKETS packets."""
    library = load_library()
    load = library.load_new(1, 1)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as camera,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reader,
    ):
        reader.bind(("127.0.0.1", 0))
        camera.connect(port.getsockname())
        library.load_add_reader(load, reader.fileno(), -1, OVER_UDP, 0, 0, 1)
        # 50 frames a second of 10 packets each: what comes while this thread does not run must fit
        # into the sockets.
        library.load_add_publisher(
            load, camera.fileno(), -1, OVER_UDP, 1200, 12000, 12000, 1000, 20_000_000, 0
        )
        library.load_window(load, 0, 2**63)
        try:
            assert library.load_start_readers(load, 1) == 0
            assert library.load_start_publishers(load) == 0
            passed_on = 0
            for number in range(PACKETS):
                for packet in relay(number, port.recv(2048)):
                    port.sendto(packet, reader.getsockname())
                    passed_on += 1
            counters = library.load_readers(load)[0]
            deadline = time.monotonic() + DEADLINE_S
            while counters.received + counters.repeated + counters.damaged < passed_on:
                assert time.monotonic() < deadline, "the reader did not read what was sent to it"
                time.sleep(0.001)
            names = ("received", "missing", "repeated", "damaged", "sequence_breaks", "in_window")
            return {name: getattr(counters, name) for name in names}
        finally:
            library.load_stop(load)
            library.load_free(load)


def test_what_is_passed_on_whole_is_counted_whole(port: socket.socket) -> None:
    seen = relayed(port, lambda _, packet: [packet])
    assert seen == {
        "received": PACKETS,
        "in_window": PACKETS,
        "missing": 0,
        "repeated": 0,
        "damaged": 0,
        "sequence_breaks": 0,
    }


def test_what_is_dropped_is_missing(port: socket.socket) -> None:
    seen = relayed(port, lambda number, packet: [] if number % 10 == 5 else [packet])
    assert seen["received"] == PACKETS * 9 // 10
    assert seen["missing"] == PACKETS // 10


def test_what_comes_twice_is_repeated(port: socket.socket) -> None:
    seen = relayed(port, lambda number, packet: [packet] * (2 if number == 50 else 1))
    assert (seen["received"], seen["repeated"]) == (PACKETS, 1)


def test_a_changed_payload_is_damage(port: socket.socket) -> None:
    def relay(number: int, packet: bytes) -> list[bytes]:
        return [packet[:-1] + bytes([packet[-1] ^ 1]) if number == 50 else packet]

    assert relayed(port, relay)["damaged"] == 1


def test_a_sequence_number_that_jumps_is_a_break(port: socket.socket) -> None:
    def relay(number: int, packet: bytes) -> list[bytes]:
        return [packet[:2] + b"\x12\x34" + packet[4:] if number == 50 else packet]

    assert relayed(port, relay)["sequence_breaks"] == 2  # to the number, and back


def window() -> Window:
    cpus = sorted(os.sched_getaffinity(0))
    return Window(0.5, cpus[0], cpus[-1])


def test_a_step_against_this_server(tmp_path: Path) -> None:
    step = Step("mixed", "4 UDP and 4 TCP readers", udp_readers=4, tcp_readers=4)
    with Server(headwater(), window().server_cpu, tmp_path / "log") as server:
        figures = run_step(step, server, window())
    assert (
        figures["expected_packets"] == figures["delivered_packets"] or figures["expected_packets"]
    )
    assert figures["lost_packets"] == figures["damaged_packets"] == 0
    assert figures["sequence_breaks"] == figures["readers_closed"] == 0
    assert float(figures["us_per_packet"]) > 0


@pytest.mark.parametrize("over_tcp", [False, True])
def test_cameras_that_this_server_fetches(tmp_path: Path, over_tcp: bool) -> None:
    step = Step(
        "many-to-few",
        "3 cameras, fetched",
        cameras=3,
        cameras_over_tcp=over_tcp,
        fetched=True,
        udp_readers=0 if over_tcp else 3,
        tcp_readers=3 if over_tcp else 0,
    )
    peer = fetching(headwater(), step)
    with Server(peer, window().server_cpu, tmp_path / "log") as server:
        figures = run_step(step, server, window())
    assert int(figures["expected_packets"]) > 0
    assert figures["lost_packets"] == figures["damaged_packets"] == 0
    assert figures["sequence_breaks"] == figures["readers_closed"] == 0
    assert figures["camera_errors"] == 0


def test_churn_against_this_server(tmp_path: Path) -> None:
    step = Step("churn", "sessions", Kind.CHURN, udp_readers=4)
    with Server(headwater(), window().server_cpu, tmp_path / "log") as server:
        figures = run_step(step, server, window())
    assert int(figures["sessions"]) > 0
    assert figures["refused"] == figures["broken"] == 0


@pytest.mark.parametrize("over_tcp", [False, True])
def test_a_storm_against_this_server(tmp_path: Path, over_tcp: bool) -> None:
    step = Step(
        "storm",
        "readers join",
        Kind.STORM,
        Picture(gop_s=0.5),
        udp_readers=0 if over_tcp else 6,
        tcp_readers=6 if over_tcp else 0,
        live_readers=2,
        phase=0.5,
    )
    with Server(headwater(), window().server_cpu, tmp_path / "log") as server:
        figures = run_step(step, server, window())
    assert (figures["joins"], figures["joins_without_key_frame"]) == (6, 0)
    assert figures["refused"] == figures["broken"] == figures["readers_closed"] == 0
    assert figures["lost_packets"] == figures["packets_missing_since_first"] == 0
    assert figures["damaged_packets"] == figures["repeated_packets"] == 0
    assert float(figures["kept_s_per_reader"]) > 0
    assert float(figures["of_live"]) > 0
    assert float(figures["storm_p99_ms"]) > 0


@pytest.mark.parametrize("kind", [Kind.WHEP, Kind.MSE, Kind.HLS])
def test_browsers_against_this_server(tmp_path: Path, kind: Kind) -> None:
    step = Step(kind.value, "viewers", kind, viewers=6)
    peer = headwater()
    assert peer.web is not None
    with Server(peer.for_browsers(peer.web), window().server_cpu, tmp_path / "log") as server:
        figures = run_step(step, server, window())
    assert int(figures["delivered_packets"]) > 0
    assert figures["lost_packets"] == figures["readers_closed"] == 0
    assert float(figures["us_per_packet"]) > 0
    assert float(figures["all_play_s"]) > 0
    assert float(figures["latency_p50_ms"]) > 0


def test_requests_beside_readers_are_answered(tmp_path: Path) -> None:
    step = Step(BESIDE, "asked", udp_readers=2, has_web=True, http_per_s=50)
    assert step.stamps_arrivals
    peer = headwater()
    assert peer.web is not None
    with Server(peer.for_browsers(peer.web), window().server_cpu, tmp_path / "log") as server:
        figures = run_step(step, server, window())
    # What a busy machine loses on the way says nothing of the requests.
    assert float(figures["http_per_s"]) > 0
    assert int(figures["delivered_packets"]) > 0
    assert float(figures["latency_p99_ms"]) > 0


def test_slices_are_fragments_with_two_ends_or_whole_units(port: socket.socket) -> None:
    payloads: list[bytes] = []

    def relay(_: int, packet: bytes) -> list[bytes]:
        payloads.append(packet[12:])
        return [packet]

    relayed(port, relay)
    # SEI, SPS and PPS in one packet, each of the length that stands before it (RFC 6184 5.7.1).
    aggregate, units = payloads[0], []
    at = 1
    while at < len(aggregate):
        length = int.from_bytes(aggregate[at : at + 2], "big")
        units.append(aggregate[at + 2 : at + 2 + length])
        at += 2 + length
    assert [unit[0] & 31 for unit in units] == [6, 7, 8]
    assert [unit.hex() for unit in units[1:]] == ["6742c01fda014016e4", "68ce3c80"]
    fragments = [payload[1] for payload in payloads[1:] if payload[0] & 31 == 28]
    assert [head & 31 for head in fragments[:10]] == [5] * 10
    assert [head >> 6 for head in fragments[:12]] == [2, *[0] * 8, 1, 2, 0]


def test_a_server_that_is_too_slow_is_overloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.measure.SET_UP_S", 0.0)
    step = Step("one-to-many", "4 readers", udp_readers=4)
    with (
        Server(headwater(), window().server_cpu, tmp_path / "log") as server,
        pytest.raises(OverloadedError, match="of 4 readers set up in"),
    ):
        run_step(step, server, window())
