"""Many who guess at the same time: how many guesses are looked at, and who gets in meanwhile."""

from __future__ import annotations

import asyncio
import base64
import threading

import pytest

from headwater.access.authenticator import Authenticator
from headwater.access.decision import Action, Challenge, Decision, Granted, Throttled
from headwater.access.password import PasswordForm, StoredPassword, hash_password
from headwater.access.places import Places
from headwater.access.settings import AccessSettings, UserSettings

LIMIT = 20
CROWD = 1000


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


class SlowOwner:
    """A hook that is asked and answers when it is told to."""

    def __init__(self, at_once: int = CROWD) -> None:
        self.asked = 0
        self.places = Places(at_once, wait_s=60.0)
        self.may_answer = asyncio.Event()
        self.authenticator = Authenticator(AccessSettings(address_failure_limit=LIMIT))

    async def verify(self, username: str, password: str) -> bool:
        self.asked += 1
        await self.may_answer.wait()
        return password == "right"

    def ask(self, password: str | None, peer: str = "192.0.2.1") -> asyncio.Task[Decision]:
        return asyncio.create_task(
            self.authenticator.check_by(
                self.verify,
                authorization=None if password is None else basic("u", password),
                now=0.0,
                peer=peer,
                port=4711,
                places=self.places,
            )
        )


async def turns_of_the_loop() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_of_a_thousand_guesses_at_once_no_more_than_the_limit_are_looked_at() -> None:
    owner = SlowOwner()
    guesses = [owner.ask(f"guess {number}") for number in range(CROWD)]
    await turns_of_the_loop()
    assert owner.asked == LIMIT
    owner.may_answer.set()
    decisions = await asyncio.gather(*guesses)
    assert owner.asked == LIMIT
    assert sum(isinstance(decision, Challenge) for decision in decisions) == LIMIT
    assert sum(isinstance(decision, Throttled) for decision in decisions) == CROWD - LIMIT


async def test_a_thousand_right_ones_at_once_all_get_in() -> None:
    owner = SlowOwner()
    logins = [owner.ask("right") for _ in range(CROWD)]
    await turns_of_the_loop()
    assert owner.asked == LIMIT
    owner.may_answer.set()
    assert set(await asyncio.gather(*logins)) == {Granted("u")}
    assert not owner.authenticator._queues


async def test_who_leaves_the_queue_hands_its_turn_on() -> None:
    owner = SlowOwner()
    attempts = [owner.ask("right") for _ in range(LIMIT + 3)]
    await turns_of_the_loop()
    first, second, third = attempts[LIMIT:]
    first.cancel()
    await turns_of_the_loop()
    owner.may_answer.set()
    assert await second == await third == Granted("u")
    assert first.cancelled()
    await asyncio.gather(*attempts[:LIMIT])
    assert not owner.authenticator._queues


async def test_a_hook_that_raises_gives_the_place_back() -> None:
    owner = SlowOwner()

    async def broken(username: str, password: str) -> bool:
        raise LookupError

    for _ in range(LIMIT * 2):
        with pytest.raises(LookupError):
            await owner.authenticator.check_by(
                broken,
                authorization=basic("u", "p"),
                now=0.0,
                peer="192.0.2.1",
                port=4711,
                places=owner.places,
            )
    owner.may_answer.set()
    assert await owner.ask("right") == Granted("u")


async def test_strangers_at_a_slow_hook_never_keep_a_known_address_out() -> None:
    owner, answers = SlowOwner(at_once=2), asyncio.Semaphore(1)

    async def when_told(username: str, password: str) -> bool:
        owner.asked += 1
        await answers.acquire()
        return password == "right"

    owner.verify = when_told  # type: ignore[method-assign]
    assert await owner.ask("right") == Granted("u")
    siege = [owner.ask(f"guess {number}", stranger(number)) for number in range(CROWD)]
    siege += [owner.ask(None, stranger(number)) for number in range(CROWD)]
    await turns_of_the_loop()
    # Two are under way already, and every second turn behind them is the known ones'. A client
    # begins without credentials.
    for credentials, outcome in ((None, Challenge), ("right", Granted)):
        login = owner.ask(credentials)
        await turns_of_the_loop()
        for _ in range(4):
            answers.release()
            await turns_of_the_loop()
        assert login.done()
        assert isinstance(login.result(), outcome)
    assert owner.asked == 1 + 2 + 8
    for _ in siege:
        answers.release()
    decisions = await asyncio.gather(*siege)
    assert {type(decision) for decision in decisions} == {Challenge, Throttled}


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Lets the thread of the slow hashes work one out for each `release`."""
    gate = threading.Semaphore(0)
    verify = StoredPassword.verify

    def slowly(self: StoredPassword, password: str, *, username: str, realm: str) -> bool:
        gate.acquire()
        return verify(self, password, username=username, realm=realm)

    monkeypatch.setattr(StoredPassword, "verify", slowly)
    return gate


def stranger(number: int) -> str:
    return f"198.51.{number // 256}.{number % 256}"


async def test_strangers_never_keep_a_known_address_from_logging_in(
    gate: threading.Semaphore,
) -> None:
    kept = hash_password("letmein", form=PasswordForm.PBKDF2_SHA256)
    settings = AccessSettings(
        users=(UserSettings(name="viewer", password=kept, read=("**",)),), verified_lifetime_s=0.0
    )
    authenticator = Authenticator(settings)

    def ask(password: str, peer: str) -> asyncio.Task[Decision]:
        check = authenticator.check(
            method="DESCRIBE",
            uri="rtsp://h/x",
            authorization=basic("viewer", password),
            action=Action.PLAY,
            path="/x",
            now=0.0,
            peer=peer,
            port=4711,
        )
        return asyncio.create_task(check)

    home = ask("letmein", "192.0.2.1")
    gate.release()
    assert await home == Granted("viewer")
    siege = [ask(f"guess {number}", stranger(number)) for number in range(CROWD)]
    await turns_of_the_loop()
    again = ask("letmein", "192.0.2.1")
    await turns_of_the_loop()
    # One hash is under way already, and every second turn is the known ones'.
    gate.release(3)
    assert await again == Granted("viewer")
    gate.release(CROWD)
    decisions = await asyncio.gather(*siege)
    assert {type(decision) for decision in decisions} == {Challenge, Throttled}
    await authenticator.aclose()
