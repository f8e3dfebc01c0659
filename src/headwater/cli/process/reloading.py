"""Reads the configuration of a running server again and applies it: SIGHUP and `headwater reload`.

The standard library alone: what checks the file is a process of its own (`reread.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import sys
from typing import Protocol

from headwater.cli.process.logs import change_logs, log_advice
from headwater.cli.process.settings_source import Reading, SettingsSource
from headwater.config.applied import Applied
from headwater.config.settings import Settings
from headwater.control.errors import StatusSocketError
from headwater.libav.remux.interpreter import can_be_started_again, interpreter_options
from headwater.log_pace import paced_logger

logger = paced_logger(__name__)

_READER = "headwater.cli.process.reread"
_READING_DEADLINE_S = 45.0
"""Less than an asker waits; checking a file takes half a second, on a busy machine a few."""
_LAST_WORDS_CHARACTERS = 400


class NotReloadedError(ValueError):
    """The configuration was not applied, and nothing has changed; one line for each cause."""


class Reloadable(Protocol):
    """A server, of one process or of several."""

    def reload_certificates(self) -> None:
        """Read the TLS files again."""

    async def apply(self, settings: Settings) -> Applied:
        """Go by other settings."""


class Reloading:
    """Reads and applies the configuration of one server, one reload after another."""

    def __init__(self, server: Reloadable, source: SettingsSource) -> None:
        self._server = server
        self._source = source
        self._turn = asyncio.Lock()
        self._signalled: asyncio.Task[None] | None = None
        self._signalled_again = False

    async def reload(self) -> Applied:
        """Read certificates and configuration again; the outcome is logged as well.

        Raises NotReloadedError where nothing was applied.
        """
        async with self._turn:
            self._server.reload_certificates()
            try:
                return await self._reload()
            except (ValueError, OSError, StatusSocketError, RuntimeError) as error:
                for cause in str(error).splitlines():
                    logger.error("settings not applied, the old ones stay", extra={"cause": cause})
                raise NotReloadedError(str(error)) from error

    def signalled(self) -> None:
        """Reload for a signal; those that come meanwhile are one more reload after it."""
        self._signalled_again = True
        if self._signalled is None:
            self._signalled = asyncio.get_running_loop().create_task(self._follow_signals())

    async def aclose(self) -> None:
        """Give up what a signal has begun."""
        if self._signalled is not None:
            self._signalled.cancel()
            await asyncio.gather(self._signalled, return_exceptions=True)

    async def _follow_signals(self) -> None:
        try:
            while self._signalled_again:
                self._signalled_again = False
                with contextlib.suppress(NotReloadedError):  # logged
                    await self.reload()
        finally:
            self._signalled = None

    async def _reload(self) -> Applied:
        if not self._source.file:
            raise ValueError(
                "the server was started without a configuration file; only its certificates were "
                "read again"
            )
        reading = await _read(self._source)
        if reading.settings is None:
            raise ValueError("\n".join(reading.faults))
        applied = await self._server.apply(reading.settings)
        change_logs(reading.settings.log)
        log_advice(reading.advice)
        return applied


async def _read(source: SettingsSource) -> Reading:
    if can_be_started_again():
        return await _read_elsewhere(source)
    from headwater.cli.process.reread import read

    return await asyncio.to_thread(read, source)


async def _read_elsewhere(source: SettingsSource) -> Reading:
    """Read in a process of its own, which ends with this call. Raises ValueError, OSError."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *interpreter_options(), "-m", _READER),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_READING_DEADLINE_S):
            told, said = await process.communicate(pickle.dumps(source))
    except TimeoutError:
        raise ValueError(f"{source.file} was not read within {_READING_DEADLINE_S:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        words = said.decode(errors="replace").strip()[-_LAST_WORDS_CHARACTERS:]
        raise ValueError(f"{source.file} was not read: {words or process.returncode}")
    reading = pickle.loads(told)  # noqa: S301 (written by this program)
    if not isinstance(reading, Reading):
        raise TypeError(f"read a {type(reading).__name__}, not a {Reading.__name__}")
    return reading
