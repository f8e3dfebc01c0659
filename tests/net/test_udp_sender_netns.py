"""UdpSender on a link slower than its sender: a real full send buffer, which loopback never has.

Two network namespaces joined by a veth pair, the sender's end behind a token bucket filter.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import headwater
from headwater.net.kernel_features import probe

pytestmark = pytest.mark.netns

HERE = Path(__file__).parent
SENDER, SINK, NARROW_SINK = "10.77.0.1", "10.77.0.2", "10.77.0.3"
PORTS = [40_000, 40_002, 40_004]

RECEIVE = """
import json, select, socket, sys
socks = {}
for host in sys.argv[2].split(","):
    for port in json.loads(sys.argv[1]):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
        s.bind((host, port))
        socks[s] = []
print("ready", flush=True)
while True:
    ready, _, _ = select.select([*socks, sys.stdin], [], [])
    if sys.stdin in ready:
        break
    for s in ready:
        socks[s].append(int.from_bytes(s.recv(65536)[:4], "big"))
for s in socks:
    s.setblocking(False)
    try:
        while True:
            socks[s].append(int.from_bytes(s.recv(65536)[:4], "big"))
    except BlockingIOError:
        pass
print(json.dumps(list(socks.values())))
"""


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


@dataclass
class Namespaces:
    near: str
    far: str

    def inside(self, name: str, *command: str) -> list[str]:
        return ["ip", "netns", "exec", name, *command]

    def exchange(self, *, hosts: list[str], **plan: Any) -> Any:
        """Send by the plan; return the sender's counts and each sink's packet numbers."""
        environment = {**os.environ, "PYTHONPATH": str(Path(headwater.__file__).parent.parent)}
        ports = json.dumps(PORTS)
        receiver = subprocess.Popen(
            self.inside(self.far, sys.executable, "-c", RECEIVE, ports, ",".join(hosts)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with receiver:
            try:
                assert receiver.stdout is not None
                assert receiver.stdout.readline() == "ready\n"
                arguments = json.dumps({"hosts": hosts, "ports": PORTS, **plan})
                script = str(HERE / "namespace_sender.py")
                sent = subprocess.run(
                    self.inside(self.near, sys.executable, script, arguments),
                    capture_output=True,
                    text=True,
                    timeout=60,
                    env=environment,
                )
                assert sent.returncode == 0, sent.stderr
                # What the sender has handed to the kernel is still under way on the slow link.
                self.wait_for_empty_link()
                received, _ = receiver.communicate("end\n", timeout=30)
            finally:
                receiver.kill()
        return json.loads(sent.stdout), json.loads(received)

    def wait_for_empty_link(self) -> None:
        command = self.inside(self.near, "tc", "-s", "qdisc", "show", "dev", "hw0")
        for _ in range(3_000):
            if "backlog 0b 0p" in run(*command):
                return
        raise AssertionError("the link did not empty")


@pytest.fixture
def namespaces() -> Iterator[Namespaces]:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("needs root on Linux")
    if not (shutil.which("ip") and shutil.which("tc")):
        pytest.skip("needs ip and tc (iproute2)")
    tag = uuid.uuid4().hex[:8]
    names = Namespaces(f"hw-near-{tag}", f"hw-far-{tag}")
    near, far = names.near, names.far
    try:
        try:
            run("ip", "netns", "add", near)
            run("ip", "netns", "add", far)
            run("ip", "-n", near, "link", "add", "hw0", "type", "veth", "peer", "hw1", "netns", far)
            for name, card, host in ((near, "hw0", SENDER), (far, "hw1", SINK)):
                run("ip", "-n", name, "addr", "add", f"{host}/24", "dev", card)
                run("ip", "-n", name, "link", "set", card, "up")
            run("ip", "-n", far, "addr", "add", f"{NARROW_SINK}/24", "dev", "hw1")
            run("ip", "-n", near, "route", "add", NARROW_SINK, "dev", "hw0", "mtu", "800")
            # The queue of the filter is larger than the socket's buffer: packets wait, none drop.
            run(*f"ip netns exec {near} tc qdisc add dev hw0 root tbf".split(),
                "rate", "40mbit", "burst", "64kb", "limit", "4mb")  # fmt: skip
        except OSError as error:
            pytest.skip(f"no network namespaces here: {error}")
        yield names
    finally:
        for name in (near, far):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=30)


def test_full_send_buffer_loses_and_reorders_nothing(namespaces: Namespaces) -> None:
    counts, received = namespaces.exchange(
        hosts=[SINK],
        batches=20,
        packets=14,
        packet_bytes=1_200,
        send_buffer_bytes=32_768,
    )
    assert counts["stalls"] > 0
    assert counts["most_pending_bytes"] > 100_000
    assert (counts["dropped"], counts["errors"]) == (0, 0)
    assert received == [list(range(280))] * 3


@pytest.mark.skipif(not probe().udp_segment, reason="no UDP_SEGMENT here")
def test_narrow_route_falls_back_alone(namespaces: Namespaces) -> None:
    counts, received = namespaces.exchange(
        hosts=[SINK, NARROW_SINK],
        batches=5,
        packets=14,
        packet_bytes=1_200,
        send_buffer_bytes=212_992,
    )
    assert counts["segmented"] == [True] * 3 + [False] * 3
    assert (counts["dropped"], counts["errors"]) == (0, 0)
    assert received == [list(range(70))] * 6
