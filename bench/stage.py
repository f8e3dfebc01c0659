"""What every measurement needs: how long and where, cameras that send, what the server spends."""

import os
from dataclasses import dataclass

from bench.accounting import cpu_line, cpu_use
from bench.fleet import Fleet
from bench.peers import Server
from bench.steps import Step

Figures = dict[str, float | int | str]

SETTLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Window:
    """How long a step is measured, on which CPUs, and whether the load's readers poll."""

    seconds: float
    server_cpu: int
    load_cpu: int
    polls: bool = True


class Cost:
    """Processor time between its making and `figures`."""

    def __init__(self, server: Server, window: Window) -> None:
        self._pids, self._window = server.pids(), window
        self._server = cpu_use(self._pids)
        self._own = cpu_use([os.getpid()])
        self._line = cpu_line(window.server_cpu)
        self._load_line = cpu_line(window.load_cpu)

    def figures(self) -> Figures:
        server = cpu_use(self._pids) - self._server
        own = cpu_use([os.getpid()]) - self._own
        line = cpu_line(self._window.server_cpu)
        load_line = cpu_line(self._window.load_cpu)
        passed_s = line.at_s - self._line.at_s
        busy_s = line.busy_s - self._line.busy_s
        stolen_s = line.stolen_s - self._line.stolen_s
        return {
            "window_s": passed_s,
            "server_cpu_s": server.total_s,
            "server_user_s": server.user_s,
            "server_system_s": server.system_s,
            "server_cpu_percent": 100 * server.total_s / passed_s,
            "load_own_cpu_percent": 100 * own.total_s / passed_s,
            "load_cpu_percent": 100 * (load_line.busy_s - self._load_line.busy_s) / passed_s,
            "others_cpu_percent": max(0.0, 100 * (busy_s - server.total_s) / passed_s),
            "stolen_percent": 100 * stolen_s / passed_s,
        }


def start_cameras(fleet: Fleet, step: Step, server: Server) -> list[str]:
    mounts = step.mounts
    if step.fetched:
        fleet.offer_cameras(server.ports.camera_port, mounts, step.picture)
    for number, mount in enumerate(() if step.fetched else mounts):
        fleet.add_camera(
            server.publish_url(mount),
            step.picture,
            over_tcp=step.cameras_over_tcp,
            phase=number / step.cameras,
        )
    fleet.start_cameras()
    fleet.run_for(SETTLE_S)
    return mounts
