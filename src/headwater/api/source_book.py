"""The file of the sources that were added by the API: whole, or as it was before, never half."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from headwater.log_pace import paced_logger

logger = paced_logger(__name__)

AUTO: Final = "auto"
_VERSION: Final = 1
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
"""URLs hold passwords."""


class UnreadableError(ValueError):
    """A file is no book, or a part of one."""


class SourceBook:
    """Reads and writes one file; a checksum in its first line tells a whole one from a part.

    A new one takes the place of the old one in one step, and the old one stays beside it: a server
    that is killed at any moment finds one of the two.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before = path.with_name(f"{path.name}.before")

    def read(self) -> dict[str, Any]:
        """Return what is kept, by path; empty without a file.

        What is broken is logged and set aside, and the file from before is read instead.
        """
        for path in (self.path, self._before):
            try:
                return _sources_in(path.read_bytes())
            except FileNotFoundError:
                continue
            except OSError as error:
                logger.error(
                    "file of added sources cannot be read",
                    extra={"path": str(path), "cause": error.strerror},
                )
            except UnreadableError as error:
                logger.error(
                    "file of added sources is broken, the one before is read",
                    extra={"path": str(path), "cause": str(error)},
                )
                with contextlib.suppress(OSError):
                    path.replace(path.with_name(f"{path.name}.broken"))
        return {}

    def write(self, sources: Mapping[str, Any]) -> None:
        """Put these in place of what is kept, on the disk when it returns. Raises OSError."""
        folder = self.path.parent
        folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        content = json.dumps({"version": _VERSION, "sources": dict(sources)}, indent=1).encode()
        new = self.path.with_name(f"{self.path.name}.new")
        new.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(new, flags, _FILE_MODE), "wb") as file:
            file.write(f"sha256 {hashlib.sha256(content).hexdigest()}\n".encode() + content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            self.path.replace(self._before)
        new.replace(self.path)
        _flush_folder(folder)


def book_path(setting: str, publish_port: int) -> Path | None:
    """Return where a server keeps its book; None where it keeps none.

    A server on a free port has no name by which another start would find its own file.
    """
    if setting != AUTO:
        return Path(setting) if setting else None
    if not publish_port:
        return None
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        folder = Path(given)
    else:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        folder = Path(state) / "headwater"
    return folder / f"sources-{publish_port}.json"


def _sources_in(text: bytes) -> dict[str, Any]:
    head, _, content = text.partition(b"\n")
    if head.decode("ascii", "replace") != f"sha256 {hashlib.sha256(content).hexdigest()}":
        raise UnreadableError("its checksum is not that of its content")
    try:
        book = json.loads(content)
    except ValueError as error:
        raise UnreadableError(f"it is no JSON: {error}") from None
    sources = book.get("sources") if isinstance(book, dict) else None
    if not isinstance(sources, dict) or book.get("version") != _VERSION:
        raise UnreadableError(f"it is of another version than {_VERSION}")
    return sources


def _flush_folder(folder: Path) -> None:
    if not hasattr(os, "O_DIRECTORY"):  # Windows
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
