"""Ask a running server over its status socket: blocking, for commands."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from headwater.control.errors import NotReachableError, RefusedError
from headwater.control.json_text import plain
from headwater.control.socket_path import existing_sockets, searched_folders

ANSWER_BYTES: Final = 256 * 1024 * 1024
_TIMEOUT_S: Final = 10.0
_READ_BYTES: Final = 65_536
_IS_IT_RUNNING: Final = (
    "is the server running? `headwater serve` opens a status socket, a program that embeds the "
    "server does by `await server.open_status_socket()`"
)


def ask(path: Path, question: str, *, timeout_s: float = _TIMEOUT_S) -> dict[str, Any]:
    """Return the server's answer to `status` or `health`, or what came of `reload`.

    Raises NotReachableError when there is none within `timeout_s` seconds, with what to do, and
    RefusedError when the server did not do it.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise NotReachableError(
            "this system has no unix sockets, so a server has no status socket",
            "ask from Python: `RtspServer.status()`",
        )
    try:
        text = _exchange(path, json.dumps({"ask": question}).encode() + b"\n", timeout_s)
    except OSError as error:
        raise _not_reachable(path, error) from error
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    answer = plain(answer)
    if not isinstance(answer, dict):
        raise NotReachableError(
            f"no answer on {path}", "the server may be asked by too many at once; try again"
        )
    if refused := answer.get("refused"):
        raise RefusedError("\n".join(map(str, refused)))
    if "error" in answer:
        raise NotReachableError(
            f"the server does not answer: {answer['error']}",
            "it may be of another version than this command",
        )
    return answer


def find_server(port: int | None = None) -> Path:
    """Return the status socket of the running server, on this publish port or of the only one.

    Raises NotReachableError when there is none, or when several run and no port was given.
    """
    answering: dict[int, Path] = {}
    for of_port, path in existing_sockets():
        if port in {None, of_port} and of_port not in answering and _connects(path):
            answering[of_port] = path
    if len(answering) == 1:
        return next(iter(answering.values()))
    if answering:
        ports = ", ".join(map(str, sorted(answering)))
        raise NotReachableError(f"several servers run, on ports {ports}", "choose with --port")
    where = "" if port is None else f" on port {port}"
    raise NotReachableError(
        f"no server{where} answers; looked in {_listed(searched_folders())}",
        f"{_IS_IT_RUNNING}. Only the server's own user and root can ask it. If its setting "
        "control.status_socket names a socket, name that with --socket",
    )


def _exchange(path: Path, request: bytes, timeout_s: float) -> bytes:
    deadline_s = time.monotonic() + timeout_s
    pieces: list[bytes] = []
    size_bytes = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        sock.connect(str(path))
        sock.sendall(request)
        while piece := sock.recv(_READ_BYTES):
            pieces.append(piece)
            size_bytes += len(piece)
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or size_bytes > ANSWER_BYTES:
                raise TimeoutError(errno.ETIMEDOUT, "the answer does not end")
            sock.settimeout(left_s)
    return b"".join(pieces)


def _connects(path: Path) -> bool:
    """Return whether somebody listens there (or may: one of another user is not ours to ask)."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(_TIMEOUT_S)
            sock.connect(str(path))
    except OSError:
        return False
    return True


def _not_reachable(path: Path, error: OSError) -> NotReachableError:
    match error.errno:
        case errno.ENOENT | errno.ECONNREFUSED:
            return NotReachableError(f"no server answers on {path}", _IS_IT_RUNNING)
        case errno.EACCES | errno.EPERM:
            return NotReachableError(
                f"not allowed to ask on {path}", "run this as the server's user, or as root"
            )
        case _:
            cause = "no answer in time" if isinstance(error, TimeoutError) else str(error)
            if error.errno is not None and not isinstance(error, TimeoutError):
                cause = os.strerror(error.errno)
            return NotReachableError(
                f"{path}: {cause}", "the server is too busy to answer, or stopped; see its log"
            )


def _listed(folders: Iterable[Path]) -> str:
    return ", ".join(str(folder) for folder in folders)
