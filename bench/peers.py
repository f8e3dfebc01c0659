"""The servers under load: how each is started, and at which URLs it takes and gives streams."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from bench.accounting import process_tree
from bench.native import cache_folder
from bench.steps import Step

ROOT = Path(__file__).resolve().parent.parent
READY_S = 60.0
_PORT_NAMES = (
    "publish_port",
    "play_port",
    "rtp_port",
    "rtcp_port",
    "rtp_count",
    "http_port",
    "hls_port",
    "webrtc_port",
    "camera_port",
)
STOP_S = 10.0
_FIRST_PORT, _LAST_PORT, _BLOCK_PORTS = 18000, 20000, 200
# For as long as this process lives.
_claims: list[socket.socket] = []


@dataclass(frozen=True, slots=True)
class WebSide:
    """How a server serves browsers: what is added to start it so, and where they go.

    `{http_port}`, `{hls_port}` and `{webrtc_port}` are filled in like the names of `Peer`.
    """

    whep_url: str
    hls_url: str
    page_url: str
    has_api: bool = False
    mse_url: str = ""
    """Empty: it has no WebSocket with fragments of MP4."""
    arguments: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Peer:
    """A server by its command line and two URLs.

    `{publish_port}`, `{play_port}`, `{rtp_port}`, `{rtcp_port}`, `{rtp_count}`, `{camera_port}` and
    `{folder}` in the command and the URLs, and `{mount}` in the URLs, are filled in.
    """

    name: str
    command: tuple[str, ...]
    publish_url: str = "rtsp://127.0.0.1:{publish_port}/{mount}"
    play_url: str = "rtsp://127.0.0.1:{play_port}/{mount}"
    over_tcp: bool = True
    over_udp: bool = True
    fetches: bool = False
    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """What is written for it before it starts: text by name, in `{folder}`; filled in as well."""
    works_in: str = str(ROOT)
    """Its current folder, where some servers write files without being asked; filled in as well."""
    web: WebSide | None = None

    def for_browsers(self, web: WebSide) -> Peer:
        """Return the same server with its side for browsers."""
        files = {**self.files, **web.files}
        return replace(self, command=(*self.command, *web.arguments), files=files)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the server is told to listen."""

    publish_port: int
    play_port: int
    rtp_port: int
    rtp_count: int
    http_port: int
    hls_port: int
    webrtc_port: int
    camera_port: int = 0
    """Where cameras wait to be asked."""

    @property
    def rtcp_port(self) -> int:
        """The port of RTCP, for a server that has one pair for everybody."""
        return self.rtp_port + 1


def _ports_in_use(table: str) -> set[int]:
    lines = Path("/proc/net", table).read_text().splitlines()[1:]
    return {int(line.split()[1].rpartition(":")[2], 16) for line in lines}


@cache
def _own_block() -> range:
    """Ports that no other run of the benchmark takes meanwhile: its last one is held by this one.

    Raises RuntimeError where there is none for one more run.
    """
    for first in range(_FIRST_PORT, _LAST_PORT, _BLOCK_PORTS):
        claim = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            claim.bind(("127.0.0.1", first + _BLOCK_PORTS - 1))
        except OSError as error:
            claim.close()
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        _claims.append(claim)
        return range(first, first + _BLOCK_PORTS - 1)
    raise RuntimeError(f"too many benchmarks run here: ports up to {_LAST_PORT} are theirs")


def free_ports(rtp_count: int = 6000) -> Ports:
    """Ports that hardly anybody has now: the RTP range in which the fewest are taken.

    Raises RuntimeError when even there one in twenty is: a server would spend its time on skips.
    """
    tcp = _ports_in_use("tcp") | _ports_in_use("tcp6")
    udp = _ports_in_use("udp") | _ports_in_use("udp6")
    free = [port for port in _own_block() if port not in tcp and port not in udp]
    taken = {
        first: len(udp.intersection(range(first, first + rtp_count)))
        for first in (12000, 36000, 44000, 52000)
    }
    first = min(taken, key=lambda start: taken[start])
    if taken[first] > rtp_count // 20:
        raise RuntimeError(f"{taken[first]} of {rtp_count} UDP ports from {first} on are taken")
    publish, play, http, hls, webrtc, camera = free[:6]
    return Ports(publish, play, first, rtp_count, http, hls, webrtc, camera)


def own_python() -> str:
    """The Python that runs this server: the one that runs the benchmark, if it has Headwater."""
    if find_spec("headwater"):
        return sys.executable
    return str(ROOT / ".venv" / "bin" / "python")


def headwater(extra: str = "") -> Peer:
    command = (
        f"{own_python()} -m headwater serve --host 127.0.0.1 --publish-port {{publish_port}}"
        " --play-port {play_port} --rtp-port-start {rtp_port} --rtp-port-count {rtp_count}"
    )
    web = "http://127.0.0.1:{http_port}/{mount}"
    browsers = WebSide(
        whep_url=f"{web}/whep",
        page_url=web,
        hls_url=f"{web}/index.m3u8",
        mse_url=f"{web}/mse",
        has_api=True,
        arguments=("--http-port", "{http_port}", "--set", "webrtc.port={webrtc_port}"),
    )
    return Peer(
        "headwater", (*shlex.split(command), *shlex.split(extra)), web=browsers, fetches=True
    )


def fetching(peer: Peer, step: Step) -> Peer:
    """The same server, which plays from the cameras of a step."""
    transport = "tcp" if step.cameras_over_tcp else "udp"
    sources = "".join(
        f'[paths."{mount}"]\nsource = "rtsp://127.0.0.1:{{camera_port}}/{mount}"\n'
        f'transport = "{transport}"\n'
        for mount in step.mounts
    )
    # All at once: a source has its turn to start until its first packet, and none of these cameras
    # sends before all are asked.
    together = f"[sources]\nstarts_at_once = {step.cameras}\nmost_wait_s = 1\n"
    return replace(
        peer,
        command=(*peer.command, "--config", "{folder}/fetched.toml"),
        files={"fetched.toml": together + sources},
    )


def node(extra: str = "") -> Peer:
    """rtsp-streaming-server from npm; installed into the cache folder on first use."""
    own = Path(__file__).parent / "node"
    folder = cache_folder() / "node"
    if not (folder / "node_modules" / "rtsp-streaming-server").exists():
        folder.mkdir(exist_ok=True)
        shutil.copy(own / "package.json", folder / "package.json")
        subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=folder, check=True)
    command = f"node {own / 'serve.js'} {{publish_port}} {{play_port}} {{rtp_port}} {{rtp_count}}"
    return Peer(
        "node",
        (*shlex.split(command), *shlex.split(extra)),
        over_tcp=False,
        env={"NODE_PATH": str(folder / "node_modules")},
    )


KNOWN = {"headwater": headwater, "node": node}


@dataclass(slots=True)
class Server:
    """A peer running on one CPU, for the time of a `with` block."""

    peer: Peer
    cpu: int
    log: Path
    ports: Ports = field(default_factory=free_ports)
    _process: subprocess.Popen[bytes] | None = None

    def _fill(self, text: str, mount: str = "") -> str:
        values = {name: getattr(self.ports, name) for name in _PORT_NAMES}
        folder = self.log.parent.resolve()
        for name, value in (*values.items(), ("mount", mount), ("folder", folder)):
            text = text.replace("{" + name + "}", str(value))
        return text

    def publish_url(self, mount: str) -> str:
        return self._fill(self.peer.publish_url, mount)

    def play_url(self, mount: str) -> str:
        return self._fill(self.peer.play_url, mount)

    @property
    def web(self) -> WebSide:
        """Where browsers go, without the mount; only of a server that was started for them."""
        assert self.peer.web is not None
        return self.peer.web

    def web_url(self, url: str, mount: str) -> str:
        """Return one of the addresses of `web` for a mount."""
        return self._fill(url, mount)

    def pids(self) -> list[int]:
        return process_tree(self._process.pid) if self._process else []

    def __enter__(self) -> Self:
        for name, text in self.peer.files.items():
            (self.log.parent / name).write_text(self._fill(text))
        command = ["taskset", "-c", str(self.cpu), *map(self._fill, self.peer.command)]
        with self.log.open("ab") as log:
            log.write(f"\n$ {shlex.join(command)}\n".encode())
            log.flush()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.peer.env},
                cwd=self._fill(self.peer.works_in),
            )
        try:
            for url in (self.publish_url("x"), self.play_url("x")):
                self._wait_until_listening(url)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _wait_until_listening(self, url: str) -> None:
        parts = urlsplit(url)
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                raise RuntimeError(f"{self.peer.name} ended while starting: see {self.log}")
            try:
                socket.create_connection((parts.hostname, parts.port or 554), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"{self.peer.name} does not listen at {url}: see {self.log}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
