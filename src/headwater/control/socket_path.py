"""Where the status socket is: chosen by the server, found again by those who ask."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from headwater.control.errors import StatusSocketError
from headwater.control.settings import AUTO

RUN_FOLDER: Final = Path("/run")
_NAME: Final = "headwater"
_SOCKET: Final = re.compile(r"status-(\d+)\.sock")
_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


def socket_name(port: int) -> str:
    """Return the name of the socket of a server, by its publish port."""
    return f"status-{port}.sock"


def automatic_path(port: int, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path for a server of this user on this publish port; its folder is made, private.

    Raises StatusSocketError when no folder can be used.
    """
    causes = []
    for folder, wanted in _folders(environment, _user()):
        if not wanted:
            continue
        try:
            _make_private(folder)
        except OSError as error:
            causes.append(f"{folder}: {error.strerror or error}")
        else:
            return folder / socket_name(port)
    raise StatusSocketError("no folder for the status socket: " + "; ".join(causes))


def status_socket_path(setting: str, port: int) -> Path:
    """Return the path that `control.status_socket` means for a server on this publish port.

    Raises StatusSocketError as `automatic_path`.
    """
    return automatic_path(port) if setting == AUTO else Path(setting)


def existing_sockets(environment: Mapping[str, str] = os.environ) -> Iterator[tuple[int, Path]]:
    """Publish ports and sockets of servers of this user (or root's), live or left over.

    A folder that another user could have made to deceive us is passed over, unless we are root.
    """
    user = _user()
    for folder, _wanted in _folders(environment, user):
        with contextlib.suppress(OSError):
            owner = folder.lstat().st_uid
            if user == 0 or owner in {0, user}:
                names = [(path, _SOCKET.fullmatch(path.name)) for path in folder.iterdir()]
                yield from sorted((int(name[1]), path) for path, name in names if name)


def searched_folders(environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Return the folders where `existing_sockets` looks."""
    return tuple(folder for folder, _wanted in _folders(environment, _user()))


def socket_refusal(path: Path) -> str | None:
    """Return why no status socket can be at `path`, whoever asks and when; None where one can."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        cause = None if path.parent.is_dir() else os.strerror(errno.ENOENT)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
    else:
        if not stat.S_ISSOCK(found.st_mode):
            return f"{path} is there and is no socket"
        cause = None
    if cause is None and not os.access(path.parent, os.W_OK | os.X_OK):
        cause = os.strerror(errno.EACCES)
    return f"no status socket at {path}: {cause}" if cause else None


def _folders(environment: Mapping[str, str], user: int) -> Iterator[tuple[Path, bool]]:
    """Yield the folders in order, each with whether a server of this user should use it."""
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        yield Path(runtime, _NAME), Path(runtime).is_dir()
    system = RUN_FOLDER / _NAME
    yield system, RUN_FOLDER.is_dir() and (user == 0 or _owned_by(system, user))
    # With all that it imports it would stay in memory; few servers come this far.
    import tempfile

    yield Path(tempfile.gettempdir(), f"{_NAME}-{user}"), True


def _make_private(folder: Path) -> None:
    """Make the folder, or see that the one there is ours alone to write in."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(0, "is no folder")
    if found.st_uid != _user() or found.st_mode & _WRITABLE_BY_OTHERS:
        raise PermissionError(0, "belongs to another user or is writable for others")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(0, "is not writable")


def _owned_by(folder: Path, user: int) -> bool:
    try:
        return folder.lstat().st_uid == user
    except OSError:
        return False


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0
