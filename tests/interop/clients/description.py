"""Ask for a mount's description with nothing but a socket."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Description:
    """The answer to DESCRIBE."""

    status: int
    body: str


def describe(url: str, timeout_s: float = 5.0) -> Description:
    """Ask for a mount's description with nothing but a socket."""
    host, port = url.removeprefix("rtsp://").split("/")[0].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout_s) as peer:
        peer.sendall(f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
        answer = peer.recv(65536).decode(errors="replace")
    return Description(int(answer.split(" ", 2)[1]), answer.partition("\r\n\r\n")[2])


def wait_until_published(url: str, deadline_s: float = 20.0) -> None:
    """Wait until a mount answers DESCRIBE with 200; raises TimeoutError when it never does."""
    give_up = time.monotonic() + deadline_s
    while (status := describe(url).status) != 200:
        if time.monotonic() > give_up:
            raise TimeoutError(f"{url} still answers {status} after {deadline_s:.0f} s")
        time.sleep(LOOK_EVERY_S)
