"""Verifies passwords whose hash is slow, away from the loop, and remembers the right ones."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from headwater.access.password import StoredPassword

_MAX_REMEMBERED = 1024
_MAX_WAITING = 64


class TooManyWaitingError(Exception):
    """So many passwords wait to be verified that one more would wait for seconds."""


class SlowPasswordCheck:
    """One thread for slow hashes, and a short memory of credentials that were right.

    One thread, so that a flood of wrong passwords takes one core from the media at most (the hash
    runs without the interpreter's lock). Equal credentials that arrive meanwhile share one run.
    What is remembered is a keyed hash, bounded in number and in time.
    """

    def __init__(self, lifetime_s: float) -> None:
        self._lifetime_s = lifetime_s
        self._secret = secrets.token_bytes(32)
        self._right_until_s: OrderedDict[bytes, float] = OrderedDict()
        self._running: dict[bytes, asyncio.Task[bool]] = {}
        self._thread: ThreadPoolExecutor | None = None

    async def verify(self, kept: StoredPassword, username: str, password: str, now: float) -> bool:
        """Whether the password is right. Raises TooManyWaitingError."""
        # The lengths keep ("ab", "c") and ("a", "bc") apart.
        text = f"{len(username)}:{username}{password}".encode("utf-8", "surrogateescape")
        key = hmac.new(self._secret, text, hashlib.sha256).digest()
        until_s = self._right_until_s.get(key)
        if until_s is not None and now < until_s:
            return True
        task = self._running.get(key)
        if task is None:
            if len(self._running) >= _MAX_WAITING:
                raise TooManyWaitingError
            task = asyncio.get_running_loop().create_task(self._work(kept, password))
            self._running[key] = task
            task.add_done_callback(lambda _: self._running.pop(key, None))
        # Shielded: who waits may go, but others may be waiting for the same run.
        right = await asyncio.shield(task)
        if right:
            self._remember(key, now)
        return right

    async def aclose(self) -> None:
        """Drop what waits, and let the thread end."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._thread = None

    async def _work(self, kept: StoredPassword, password: str) -> bool:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="headwater-password")

        def verify() -> bool:
            return kept.verify(password, username="", realm="")

        return await asyncio.get_running_loop().run_in_executor(self._thread, verify)

    def _remember(self, key: bytes, now: float) -> None:
        self._right_until_s[key] = now + self._lifetime_s
        self._right_until_s.move_to_end(key)
        if len(self._right_until_s) > _MAX_REMEMBERED:
            self._right_until_s.popitem(last=False)
