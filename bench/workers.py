"""`python -m bench.workers`: what a delivered packet costs each worker, beside one process.

One process with half of the TCP readers, and two workers with all of them, in turn and on the same
CPU, so that what else runs on the machine meets both. Written for ratios: figures of one machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
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
    with tempfile.TemporaryDirectory() as folder:
        socket = Path(folder, "status.sock")
        extra = (
            f"--workers {workers} --set workers.hot_readers=0 "
            f"--set control.status_socket={socket} --log-level warning"
        )
        with (
            Server(headwater(extra), cpu, Path(folder, "log")) as server,
            Fleet(readers, 1, polls=False) as fleet,
        ):
            fleet.add_camera(server.publish_url("bench"), FOUR, over_tcp=True, phase=0.0)
            fleet.start_cameras()
            fleet.run_for(SETTLE_S)
            for _ in range(readers):
                fleet.add_player(
                    server.play_url("bench"), over_tcp=True, camera=0, play=True, stalled=False
                )
                fleet.tick()
            fleet.run_for(WARM_UP_S)
            return _window(fleet, socket, seconds)


def _window(fleet: Fleet, socket: Path, seconds: float) -> Outcome:
    pids = _processes(ask(socket, "status", timeout_s=STATUS_S))
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
    runs = (("one", 1, everybody // 2), ("two", 2, everybody))
    costs: dict[str, list[float]] = {}
    for number in range(arguments.repeat):
        for kind, workers, readers in runs:
            outcome = measure(workers, readers, arguments.seconds, arguments.cpu)
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
