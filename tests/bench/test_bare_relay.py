"""The floor under a relay passes on what comes, whole, by both transports."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from bench.bare_relay import bare_relay
from bench.measure import run_step
from bench.peers import Server
from bench.stage import Window
from bench.steps import Step

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("cc") is None,
    reason="the floor needs Linux and a C compiler",
)


@pytest.mark.parametrize("cameras_over_tcp", [False, True])
def test_it_passes_on_what_comes(tmp_path: Path, cameras_over_tcp: bool) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    step = Step(
        "mixed",
        "4 UDP and 4 TCP readers of each of 2",
        cameras=2,
        cameras_over_tcp=cameras_over_tcp,
        udp_readers=4,
        tcp_readers=4,
    )
    with Server(bare_relay(), cpus[0], tmp_path / "log") as server:
        figures = run_step(step, server, Window(0.5, cpus[0], cpus[-1]))
    assert int(figures["delivered_packets"]) > 0
    for wrong in ("damaged_packets", "sequence_breaks", "lost_packets"):
        assert figures[wrong] == 0, wrong
