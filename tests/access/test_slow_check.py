"""Slow hashes: in one thread, shared, remembered for a while."""

from __future__ import annotations

import asyncio
import threading

import pytest

from headwater.access import slow_check
from headwater.access.password import PasswordForm, StoredPassword, hash_password, read_password
from headwater.access.slow_check import SlowPasswordCheck, TooManyWaitingError
from headwater.access.turns import Turns

DEADLINE_S = 10.0
KEPT = read_password(hash_password("p", form=PasswordForm.PBKDF2_SHA256))


class _Watched(StoredPassword):
    """A password whose verification counts, and waits until it is let go."""

    def __init__(self) -> None:
        super().__init__(PasswordForm.SCRYPT, b"")
        object.__setattr__(self, "runs", [])
        object.__setattr__(self, "go", threading.Event())

    runs: list[str]
    go: threading.Event

    def verify(self, password: str, *, username: str, realm: str) -> bool:
        self.runs.append(password)
        return self.go.wait(DEADLINE_S) and password == "p"


async def test_right_and_wrong() -> None:
    check = SlowPasswordCheck(60.0)
    assert await check.verify(KEPT, "u", "p", 0.0)
    assert not await check.verify(KEPT, "u", "x", 0.0)
    await check.aclose()
    await check.aclose()


async def test_right_ones_are_remembered_for_their_time() -> None:
    check, kept = SlowPasswordCheck(60.0), _Watched()
    kept.go.set()
    for now in (0.0, 59.9, 60.0, 61.0):
        assert await check.verify(kept, "u", "p", now)
    assert kept.runs == ["p", "p"]
    for _ in range(2):
        assert not await check.verify(kept, "u", "x", 0.0)
    assert kept.runs == ["p", "p", "x", "x"]
    await check.aclose()


async def test_name_and_password_are_not_run_together() -> None:
    check, kept = SlowPasswordCheck(60.0), _Watched()
    kept.go.set()
    assert await check.verify(kept, "u", "p", 0.0)
    assert not await check.verify(kept, "", "up", 0.0)
    assert not await check.verify(kept, "up", "", 0.0)
    await check.aclose()


async def test_equal_credentials_share_one_run() -> None:
    check, kept = SlowPasswordCheck(60.0), _Watched()
    callers = [asyncio.create_task(check.verify(kept, "u", "p", 0.0)) for _ in range(200)]
    await asyncio.sleep(0)
    callers[0].cancel()
    kept.go.set()
    assert all(await asyncio.gather(*callers[1:]))
    assert kept.runs == ["p"]
    await check.aclose()


async def test_too_many_are_not_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_check, "Turns", lambda: Turns(most=2))
    check, kept = SlowPasswordCheck(60.0), _Watched()
    callers = [asyncio.create_task(check.verify(kept, "u", f"x{n}", 0.0)) for n in range(4)]
    await asyncio.wait(callers, timeout=DEADLINE_S, return_when=asyncio.FIRST_COMPLETED)
    kept.go.set()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, TooManyWaitingError)]
    assert len(refused) == 2
    assert outcomes.count(False) == 2
    await check.aclose()


async def test_what_nobody_waits_for_any_more_is_not_worked_out() -> None:
    check, kept = SlowPasswordCheck(60.0), _Watched()
    first = asyncio.create_task(check.verify(kept, "u", "first", 0.0))
    gone = asyncio.create_task(check.verify(kept, "u", "gone", 0.0))
    last = asyncio.create_task(check.verify(kept, "u", "p", 0.0))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait({gone}, timeout=DEADLINE_S)
    kept.go.set()
    assert await first is False
    assert await last is True
    assert kept.runs == ["first", "p"]
    await check.aclose()


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_check, "_MAX_REMEMBERED", 1)
    check, kept = SlowPasswordCheck(60.0), _Watched()
    kept.go.set()
    for name in ("a", "b", "a"):
        assert await check.verify(kept, name, "p", 0.0)
    assert len(kept.runs) == 3
    await check.aclose()


async def test_close_drops_what_waits() -> None:
    check, kept = SlowPasswordCheck(60.0), _Watched()
    caller = asyncio.create_task(check.verify(kept, "u", "p", 0.0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await check.aclose()
    with pytest.raises(asyncio.CancelledError):
        await caller
    kept.go.set()
