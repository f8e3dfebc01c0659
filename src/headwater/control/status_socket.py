"""A unix socket that answers one question with one line of JSON and closes.

Everything happens on the server's event loop, in slices of a millisecond or so with the loop's
other work between them: a thread would make the loop wait for Python's lock at every system call.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypeVar

from headwater.control.errors import StatusSocketError
from headwater.control.json_text import json_pieces
from headwater.control.socket_path import socket_refusal
from headwater.control.status import Health, ServerStatus
from headwater.log_pace import paced_logger
from headwater.net.descriptor_reserve import NO_DESCRIPTOR, DescriptorReserve

logger = paced_logger(__name__)

REQUEST_BYTES: Final = 1024
DEADLINE_S: Final = 5.0
ACTION_DEADLINE_S: Final = 60.0
ACTIONS: Final = frozenset({"reload"})
"""What changes something; all else is only looked at."""
MAX_CLIENTS: Final = 8
_SLICE_CHARACTERS: Final = 16_384
_MODE: Final = 0o600
_CREDENTIALS: Final = struct.Struct("3i")
"""The kernel's struct ucred: process, user and group (unix(7))."""
_RETRY_S: Final = 0.1

StatusSteps = Callable[[], Generator[None, None, ServerStatus] | Awaitable[ServerStatus]]
ResultT = TypeVar("ResultT")


class StatusSocket:
    """Answers `{"ask": "status"}` with a ServerStatus, `{"ask": "health"}` with a Health.

    `{"ask": NAME}` with the name of one of `actions` does that, and answers with what came of it.
    Only the server's own user and root may: those who may open the socket as it is made. That is
    looked at for each action, since an owner may let others read the status. What was refused is
    answered `{"refused": [CAUSE, …]}`. An action may take a minute.

    At most 8 may ask at once, others are closed unheard; a request is at most 1,024 bytes, and
    whole, answered and read within 5 seconds. `steps` makes a status, with a pause where it
    yields, or is awaited.

    It answers also when every descriptor of the process is taken: one is kept for it, with which
    those who ask are served one after another.
    """

    def __init__(
        self,
        path: Path,
        *,
        steps: StatusSteps,
        health: Callable[[], Health],
        actions: Mapping[str, Callable[[], Awaitable[object]]] | None = None,
    ) -> None:
        """`actions` return dataclasses, and raise ValueError or OSError for what they refuse."""
        self.path = path
        self.refused = 0
        """Those who were closed because too many asked."""
        self._steps = steps
        self._health = health
        self._actions = actions or {}
        self._listening: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._inode = 0
        self._reserve = DescriptorReserve()
        self._retry: asyncio.TimerHandle | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Bind and listen; a socket that a dead server left is replaced.

        Raises StatusSocketError when the system has no unix sockets, another server answers
        there, something else is in the way, or the folder does not let us.
        """
        self._loop = asyncio.get_running_loop()
        self._reserve.hold()
        try:
            self._listen(self._loop, self.path)
        except BaseException:
            self._reserve.release()
            raise

    def move(self, path: Path) -> None:
        """Answer on another path instead; who asks already is answered still.

        Raises StatusSocketError as `open`, and goes on where it was.
        """
        loop, before, old_path, inode = self._loop, self._listening, self.path, self._inode
        if loop is None or before is None or path == old_path:
            return
        self._listen(loop, path)
        self._stop_listening(loop, before, old_path, inode)

    async def close(self) -> None:
        """Answer no more and remove the socket; a second call does nothing."""
        loop, sock = self._loop, self._listening
        self._loop = self._listening = None
        if loop is None or sock is None:
            return
        if self._retry is not None:
            self._retry.cancel()
        self._stop_listening(loop, sock, self.path, self._inode)
        self._reserve.release()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _listen(self, loop: asyncio.AbstractEventLoop, path: Path) -> None:
        with ExitStack() as undo:
            sock = undo.enter_context(_bound(path))
            undo.callback(path.unlink, missing_ok=True)
            inode = path.lstat().st_ino
            sock.listen(MAX_CLIENTS)
            loop.add_reader(sock, self._accept, loop, sock)
            undo.pop_all()
        self._listening, self.path, self._inode = sock, path, inode

    @staticmethod
    def _stop_listening(
        loop: asyncio.AbstractEventLoop, sock: socket.socket, path: Path, inode: int
    ) -> None:
        loop.remove_reader(sock)
        sock.close()
        with contextlib.suppress(OSError):
            # Another server may have put its own there meanwhile.
            if path.lstat().st_ino == inode:
                path.unlink()

    def _accept(self, loop: asyncio.AbstractEventLoop, listening: socket.socket) -> None:
        on_reserve = False
        try:
            sock = listening.accept()[0]
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            last = self._reserve.accept(listening) if error.errno in NO_DESCRIPTOR else None
            if last is None:
                # Whoever has the reserve is served first; a socket that stays readable would spin.
                loop.remove_reader(listening)
                self._retry = loop.call_later(_RETRY_S, self._watch, loop, listening)
                return
            sock, on_reserve = last, True
        if len(self._clients) >= MAX_CLIENTS:
            self.refused += 1
            sock.close()
            self._reserve.hold()
            return
        client = loop.create_task(self._serve(sock, on_reserve=on_reserve))
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)

    def _watch(self, loop: asyncio.AbstractEventLoop, listening: socket.socket) -> None:
        self._retry = None
        if listening is not self._listening:
            return  # it has moved meanwhile
        loop.add_reader(listening, self._accept, loop, listening)

    async def _serve(self, sock: socket.socket, *, on_reserve: bool) -> None:
        try:
            with sock:
                sock.setblocking(False)
                await self._serve_one(sock)
        except OSError as error:
            logger.debug("a question about the status was not answered", extra={"cause": error})
        finally:
            if on_reserve and self._listening is not None:
                self._reserve.hold()

    async def _serve_one(self, sock: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=sock, limit=REQUEST_BYTES)
        try:
            async with asyncio.timeout(DEADLINE_S) as deadline:
                await self._answer(sock, reader, writer, deadline)
        except (TimeoutError, OSError) as error:
            logger.debug("a question about the status was not answered", extra={"cause": error})
        except Exception:
            logger.exception("the status could not be told")
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(
        self,
        sock: socket.socket,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        deadline: asyncio.Timeout,
    ) -> None:
        try:
            question = _asked(await reader.readuntil(b"\n"))
            if question in ACTIONS:
                deadline.reschedule(asyncio.get_running_loop().time() + ACTION_DEADLINE_S)
                pieces = await self._act(question, sock)
            else:
                pieces = await self._reply(question)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            pieces = _refusal(f"no request of one line: {error}")
        except ValueError as error:
            pieces = _refusal(str(error))
        for text in _slices(pieces):
            writer.write(text.encode())
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(b"\n")
        writer.write_eof()
        # The asker closes when it has read to the end: what is on its way is not cut off.
        await reader.read(1)

    async def _act(self, question: str, sock: socket.socket) -> Iterator[str]:
        if not _is_own_user(sock, self.path):
            return _refused("only the server's own user and root may do this")
        action = self._actions.get(question)
        if action is None:
            return _refused(
                "this server has no configuration file: `headwater serve` did not start it; "
                "to change it, start `headwater demo` and `headwater relay` again; "
                "a program of yours calls `await server.apply(settings)`"
            )
        try:
            return json_pieces(await action())
        except (ValueError, OSError, StatusSocketError, RuntimeError) as error:
            return _refused(str(error))

    async def _reply(self, question: str) -> Iterator[str]:
        match question:
            case "status":
                steps = self._steps()
                if isinstance(steps, Generator):
                    return json_pieces(await _in_turns(steps))
                return json_pieces(await steps)
            case "health":
                return json_pieces(self._health())
            case _:
                raise ValueError(f'cannot be asked for {question!r}, only "status" and "health"')


async def _in_turns(steps: Generator[None, None, ResultT]) -> ResultT:
    """Run the steps to their end, the loop's other work between them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: ResultT = end.value
            return result
        await asyncio.sleep(0)


def _asked(line: bytes) -> str:
    """Return what a request asks for. Raises ValueError when it is none."""
    try:
        request = json.loads(line)
    except ValueError:
        raise ValueError("the request is no JSON") from None
    question = request.get("ask") if isinstance(request, dict) else None
    if not isinstance(question, str):
        raise ValueError('the request has no "ask"')
    return question


def _refusal(cause: str) -> Iterator[str]:
    yield json.dumps({"error": cause})


def _refused(cause: str) -> Iterator[str]:
    yield json.dumps({"refused": cause.splitlines()})


def _is_own_user(sock: socket.socket, path: Path) -> bool:
    """Return whether the peer is the server's user or root.

    Where the system does not tell, the socket must still be closed to all others.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return not stat.S_IMODE(path.lstat().st_mode) & ~_MODE
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _process, user, _group = _CREDENTIALS.unpack(credentials)
    return user in {0, os.geteuid()}


def _slices(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the pieces joined to texts of about one slice each."""
    waiting: list[str] = []
    length = 0
    for piece in pieces:
        waiting.append(piece)
        length += len(piece)
        if length >= _SLICE_CHARACTERS:
            yield "".join(waiting)
            waiting.clear()
            length = 0
    yield "".join(waiting)


def _bound(path: Path) -> socket.socket:
    """Return a socket bound to the path, for this user alone; it does not listen yet."""
    if not hasattr(socket, "AF_UNIX"):
        raise StatusSocketError("this system has no unix sockets, so there is no status socket")
    _clear(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.bind(str(path))
        # Nobody can connect before the socket listens.
        path.chmod(_MODE)
    except OSError as error:
        sock.close()
        cause = os.strerror(error.errno) if error.errno else str(error)
        raise StatusSocketError(f"no status socket at {path}: {cause}") from error
    return sock


def _clear(path: Path) -> None:
    """Remove what a dead server left at the path, and nothing else."""
    if refusal := socket_refusal(path):
        raise StatusSocketError(refusal)
    if not path.exists():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        code = probe.connect_ex(str(path))
    if code != errno.ECONNREFUSED:
        raise StatusSocketError(f"another server answers at {path}")
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
