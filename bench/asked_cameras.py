"""Cameras that wait to be asked: the RTSP server's side of OPTIONS, DESCRIBE, SETUP and PLAY."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from bench.rtsp_client import RtspError

_STEP_S = 10.0
_SESSION = "Session: 1;timeout=600"
"""Longer than a measurement: nobody answers what keeps a session alive."""


@dataclass(frozen=True, slots=True)
class AskedCamera:
    """What a camera was asked to send by.

    Attributes:
        control: the connection on which it was asked.
        sockets: for RTP and RTCP, connected to who asked; none over TCP.
        server_ports: the ports of who asked; None over TCP.
    """

    control: socket.socket
    sockets: tuple[socket.socket, ...]
    server_ports: tuple[int, int] | None


class AskedCameras:
    """Answers on one port for many cameras, one conversation after another, until all play.

    A context manager: its end closes what is not taken by `all_asked`.
    """

    def __init__(
        self,
        port: int,
        mounts: Sequence[str],
        sdp: str,
        pairs: Iterator[tuple[socket.socket, socket.socket, int]],
    ) -> None:
        self._left = set(mounts)
        self._sdp = sdp.encode()
        self._pairs = pairs
        self._asked: dict[str, AskedCamera] = {}
        self._problem = ""
        self._listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self._thread = threading.Thread(target=self._answer, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()

    def all_asked(self, within_s: float) -> dict[str, AskedCamera]:
        """Wait until every camera was asked to play; raises RtspError where one was not."""
        self._thread.join(within_s)
        if self._left:
            raise RtspError(f"{len(self._left)} cameras were not asked to play; {self._problem}")
        return self._asked

    def _answer(self) -> None:
        while self._left:
            try:
                control, _ = self._listener.accept()
            except OSError:
                return
            try:
                self._converse(control)
            except (OSError, ValueError) as error:
                self._problem = str(error)
                control.close()

    def _converse(self, control: socket.socket) -> None:
        control.settimeout(_STEP_S)
        control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets: tuple[socket.socket, ...] = ()
        ports: tuple[int, int] | None = None
        buffer = b""
        while True:
            while b"\r\n\r\n" not in buffer:
                if not (received := control.recv(65_536)):
                    raise ValueError("who asked has left")
                buffer += received
            head, _, buffer = buffer.partition(b"\r\n\r\n")
            method, url, headers = _request(head.decode())
            lines, body = [f"CSeq: {headers['cseq']}", _SESSION], b""
            match method:
                case "OPTIONS":
                    lines = [*lines[:1], "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"]
                case "DESCRIBE":
                    body = self._sdp
                    lines = [*lines[:1], "Content-Type: application/sdp"]
                    lines += [f"Content-Base: {url}/", f"Content-Length: {len(body)}"]
                case "SETUP":
                    transport = headers["transport"]
                    if "interleaved" not in transport:
                        ports = _numbers(transport, "client_port")
                        rtp, rtcp, port = next(self._pairs)
                        sockets = (rtp, rtcp)
                        for sock, number in zip(sockets, ports, strict=True):
                            sock.connect(("127.0.0.1", number))
                        transport += f";server_port={port}-{port + 1}"
                    lines.append(f"Transport: {transport}")
            control.sendall("\r\n".join(["RTSP/1.0 200 OK", *lines, "", ""]).encode() + body)
            if method == "PLAY":
                mount = urlsplit(url).path.strip("/")
                self._asked[mount] = AskedCamera(control, sockets, ports)
                with contextlib.suppress(KeyError):
                    self._left.remove(mount)
                return


def _request(head: str) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.split("\r\n")
    method, url, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    return method, url, {name.strip().lower(): value.strip() for name, _, value in pairs}


def _numbers(transport: str, name: str) -> tuple[int, int]:
    for part in transport.split(";"):
        key, _, value = part.partition("=")
        if key == name:
            first, _, second = value.partition("-")
            return int(first), int(second)
    raise ValueError(f"no {name} in {transport}")
