"""A source that is a process, which publishes to a door of this server."""

from __future__ import annotations

import asyncio
import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final

from headwater.log_pace import paced_logger
from headwater.shown_text import shown, without_credentials
from headwater.sources.programs.door import Door
from headwater.sources.programs.program import Program
from headwater.sources.source import Filling, Source, SourceError, SourcePlace

logger = paced_logger(__name__)

URL_VARIABLE: Final = "HEADWATER_PUBLISH_URL"
PATH_VARIABLE: Final = "HEADWATER_PATH"
_START_S: Final = 30.0
"""How long a program may take until it records; opening a stream of the internet takes seconds."""
_EXIT_S: Final = 1.0
"""A program that has ended its stream mostly exits, and its exit tells why."""
_LINES_LOGGED: Final = 10


class ProgramSource(Source):
    """Starts a program, lets it publish, and ends it with its whole process group."""

    def __init__(self, place: SourcePlace) -> None:
        self._place = place

    @abstractmethod
    def _command(self, url: str, path: str) -> tuple[Sequence[str], bytes]:
        """Return the program and its arguments, and what it is told on its standard input."""

    @abstractmethod
    def _reason(self, lines: Sequence[str]) -> str:
        """Return why the program ended, by the last that it said; "" where that does not tell."""

    @abstractmethod
    def _said(self, lines: Sequence[str]) -> list[str]:
        """Return what the log is to show of it, without secrets."""

    async def run(self, filling: Filling) -> None:
        """Run the program until it ends, or its stream does."""
        try:
            with Door(self._place.client, filling.begin) as door:
                await self._run(door, filling.path)
        except OSError as error:
            # The door, or the program: a name that is not there says so itself.
            words = f"{error.filename}: " if error.filename else ""
            raise SourceError(shown(f"{words}{error.strerror or error}")) from error

    async def _run(self, door: Door, path: str) -> None:
        words, order = self._command(door.url, path)
        program = Program(words, _environment(door.url, path), order)
        program.start()
        try:
            async with asyncio.timeout(_START_S) as start:
                recording = asyncio.ensure_future(door.recording.wait())
                try:
                    await _first(recording, program.exited, door.ended)
                finally:
                    recording.cancel()
                start.reschedule(None)
                await _first(program.exited, door.ended)
            if not program.exited.done():
                await asyncio.wait([program.exited], timeout=_EXIT_S)
        except TimeoutError:
            raise SourceError(f"it has not published within {_START_S:.0f} s") from None
        finally:
            was_alive = not program.exited.done()
            await program.end()
        await program.said_all()
        raise self._end_of(program, door, path, was_alive=was_alive)

    def _end_of(self, program: Program, door: Door, path: str, *, was_alive: bool) -> SourceError:
        lines = [line.replace(door.url, "this server") for line in program.last_lines]
        for line in self._said(lines)[-_LINES_LOGGED:]:
            extra = {"mount": path, "source": self._place.name, "line": shown(line)}
            logger.info("a source's program said", extra=extra)
        if door.refusal is not None:
            return door.refusal
        if was_alive:
            return door.ended.result()
        reason = self._reason(lines)
        if not reason:
            code = program.exited.result()
            how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
            last = next(reversed(self._said(lines)), "")
            reason = f"its program ended {how}{f': {last}' if last else ''}"
        return SourceError(shown(reason))


def masked(lines: Sequence[str], secrets: Sequence[str]) -> list[str]:
    """Return lines that a program said, without blank ones and without secrets."""
    found = [line.strip() for line in lines if line.strip()]
    for secret in sorted(secrets, key=len, reverse=True):
        found = [line.replace(secret, "…") for line in found]
    return [without_credentials(line) for line in found]


async def _first(*futures: asyncio.Future[Any]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


def _environment(url: str, path: str) -> Mapping[str, str]:
    return {**os.environ, URL_VARIABLE: url, PATH_VARIABLE: path}
