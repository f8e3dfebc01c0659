"""`python -m bench.workers`: what a delivered packet costs each worker, beside one process.

One process with half of the TCP readers, two workers with all of them, and two such processes that
know nothing of each other, in turn and on the same CPU, so that what else runs on the machine meets
all. The last says what two processes on one CPU take from each other without being workers. Written
for ratios: figures of one machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.accounting import cpu_use
from bench.fleet import Fleet
from bench.measure import DRAIN_S, WARM_UP_S
from bench.peers import Server, headwater
from bench.stage import SETTLE_S
from bench.steps import FOUR
from headwater.control.status_client import ask

STATUS_S = 10.0


@dataclass(frozen=True, slots=True)
class Share:
    """What one process did in a window."""

    name: str
    readers: int
    cpu_s: float
    us_per_packet: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run."""

    shares: list[Share]
    lost: int


def measure(workers: int, readers: int, seconds: float, cpu: int) -> Outcome:
    """Serve one mount to so many TCP readers, and share the cost out by process.

    Nothing is passed on, so that the kernel shares the readers out.
    """
    extra = f"--workers {workers} --set workers.hot_readers=0"
    return _measure([extra], readers, seconds, cpu)


def measure_apart(readers: int, seconds: float, cpu: int) -> Outcome:
    """Serve half of the readers each by two servers that do not know each other."""
    return _measure(["", ""], readers, seconds, cpu)


def _measure(servers: list[str], readers: int, seconds: float, cpu: int) -> Outcome:
    """Start a server with each of these arguments, and share the readers out between them."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        fleet = running.enter_context(Fleet(readers, len(servers), polls=False))
        sockets = [Path(folder, f"status{number}.sock") for number in range(len(servers))]
        urls = []
        for number, (extra, socket) in enumerate(zip(servers, sockets, strict=True)):
            peer = headwater(f"{extra} --set control.status_socket={socket} --log-level warning")
            server = running.enter_context(Server(peer, cpu, Path(folder, f"log{number}")))
            fleet.add_camera(server.publish_url("bench"), FOUR, over_tcp=True, phase=0.0)
            urls.append(server.play_url("bench"))
        fleet.start_cameras()
        fleet.run_for(SETTLE_S)
        for number in range(readers):
            camera = number % len(servers)
            fleet.add_player(urls[camera], over_tcp=True, camera=camera)
            fleet.tick()
        fleet.run_for(WARM_UP_S)
        return _window(fleet, sockets, seconds)


def _window(fleet: Fleet, sockets: list[Path], seconds: float) -> Outcome:
    pids: dict[str, tuple[int, int]] = {}
    for number, socket in enumerate(sockets):
        for name, process in _processes(ask(socket, "status", timeout_s=STATUS_S)).items():
            pids[name if len(sockets) == 1 else f"server {number} (beside another)"] = process
    before = {name: cpu_use([pid]) for name, (pid, _) in pids.items()}
    received = fleet.library.load_received(fleet.load)
    fleet.measure_from(seconds)
    fleet.run_for(seconds)
    spent = {name: cpu_use([pid]) - before[name] for name, (pid, _) in pids.items()}
    delivered = fleet.library.load_received(fleet.load) - received
    fleet.run_for(DRAIN_S)
    cameras = [fleet.camera_counters(camera.index) for camera in fleet.cameras]
    reading = [fleet.counters(player) for player in fleet.players]
    expected = sum(cameras[reader.publisher].in_window for reader in reading)
    lost = expected - sum(reader.in_window for reader in reading)
    everybody = sum(readers for _, readers in pids.values())
    shares = [
        Share(
            name,
            readers,
            spent[name].total_s,
            spent[name].total_s * 1e6 / (delivered * readers / everybody),
        )
        for name, (_, readers) in pids.items()
    ]
    return Outcome(shares, lost)


def _processes(status: dict[str, object]) -> dict[str, tuple[int, int]]:
    """Return the processes that serve, by name: their ids, and how many readers each has."""
    workers = status.get("workers")
    if not isinstance(workers, list) or not workers:
        process = status["process"]
        mounts = status["mounts"]
        assert isinstance(process, dict)
        assert isinstance(mounts, list)
        return {"one process": (process["pid"], len(mounts[0]["readers"]))}
    owner = min(workers, key=lambda worker: worker["pulled_mounts"])
    return {
        each["name"] + (" (has the mount)" if each is owner else " (pulls it)"): (
            each["pid"],
            each["sessions"] - (each is owner),
        )
        for each in workers
    }


def main() -> None:
    """Measure both in turn, and print the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=800)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--cpu", type=int, default=0, help="of all processes of the server")
    arguments = parser.parse_args()
    everybody = arguments.readers
    runs = (
        ("one", partial(measure, 1, everybody // 2)),
        ("two workers", partial(measure, 2, everybody)),
        ("two apart", partial(measure_apart, everybody)),
    )
    costs: dict[str, list[float]] = {}
    for number in range(arguments.repeat):
        for kind, run in runs:
            outcome = run(arguments.seconds, arguments.cpu)
            for share in outcome.shares:
                label = share.name.partition("(")[2].rstrip(")") or share.name
                costs.setdefault(label, []).append(share.us_per_packet)
                print(
                    f"{number} {kind}: {share.name}: {share.readers} readers, "
                    f"{share.us_per_packet:.3f} µs a packet, lost {outcome.lost}",
                    flush=True,
                )
            time.sleep(0.5)
    one = statistics.median(costs["one process"])
    for label, values in costs.items():
        middle = statistics.median(values)
        print(f"{label}: median {middle:.3f} µs a packet, {middle / one:.2f} of one process")


if __name__ == "__main__":
    main()
