"""Keys of a URL: one fetch for many, paced, rotated, and kept while the URL is down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from owner_web import OwnerWeb, answer_of
from token_maker import key_set

from headwater.access.outside import NoAnswerError
from headwater.access.outside_settings import JwtSettings
from headwater.callouts.fetched_keys import FetchedKeys


class Rig:
    """Keys of a web server whose clock is moved by hand."""

    def __init__(self, web: OwnerWeb) -> None:
        self.web = web
        self.now_s = 0.0
        settings = JwtSettings(jwks_url=web.url, timeout_s=0.5)
        self.keys = FetchedKeys(settings, lambda: self.now_s)

    async def ids(self, key_id: str | None) -> list[str | None]:
        return [key.key_id for key in await self.keys.fitting(key_id, "RS256")]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with OwnerWeb(lambda _: answer_of(200, key_set("one"))) as web:
        made = Rig(web)
        yield made
        await made.keys.aclose()


async def test_many_who_come_together_bring_about_one_fetch(rig: Rig) -> None:
    found = await asyncio.gather(*(rig.ids("one") for _ in range(200)))
    assert found == [["one"]] * 200
    assert rig.keys.fetches == len(rig.web.asked) == 1


async def test_a_new_key_is_fetched_once_and_unknown_ones_no_more_often_than_paced(
    rig: Rig,
) -> None:
    assert await rig.ids("one") == ["one"]
    rig.web.answer = lambda _: answer_of(200, key_set("one", "two"))
    assert await rig.ids("two") == []  # a fetch was a moment ago
    rig.now_s += 11
    assert await rig.ids("two") == ["two"]
    for number in range(50):
        assert await rig.ids(f"made up {number}") == []
    assert rig.keys.fetches == 2


async def test_keys_are_fetched_anew_beside_those_who_use_them(rig: Rig) -> None:
    assert await rig.ids("one") == ["one"]
    rig.web.answer = lambda _: answer_of(200, key_set("two"))
    rig.now_s += 301
    assert await rig.ids("one") == ["one"]  # nobody waits for the fetch
    assert await rig.ids("two") == ["two"]  # whoever needs it does
    assert await rig.ids("one") == []


@pytest.mark.parametrize("how", ["gone", "slow", "huge", "error", "no keys", "breaks", "moved"])
async def test_old_keys_stay_for_a_bounded_time(rig: Rig, how: str) -> None:
    assert await rig.ids("one") == ["one"]

    async def slow(_: object) -> bytes:
        await asyncio.sleep(30)
        return b""

    match how:
        case "gone":
            await rig.web.go_away()
        case "slow":
            rig.web.answer = slow
        case "huge":
            rig.web.answer = lambda _: answer_of(200, b" " * 300_000 + key_set("one"))
        case "error":
            rig.web.answer = lambda _: answer_of(500)
        case "no keys":
            rig.web.answer = lambda _: answer_of(200, b'{"keys": []}')
        case "breaks":
            rig.web.answer = lambda _: b""
        case "moved":
            rig.web.answer = lambda _: answer_of(302, headers=f"Location: {rig.web.url}\r\n")
    rig.now_s += 86_000
    assert await rig.ids("one") == ["one"]
    with pytest.raises(NoAnswerError):  # it may be a new one: that is no reason for a refusal
        await rig.ids("two")
    rig.now_s += 1000
    with pytest.raises(NoAnswerError):
        await rig.ids("one")


async def test_who_gives_up_does_not_end_the_fetch_of_others(rig: Rig) -> None:
    arrived, goes_on = asyncio.Event(), asyncio.Event()

    async def held(_: object) -> bytes:
        arrived.set()
        await goes_on.wait()
        return answer_of(200, key_set("one"))

    rig.web.answer = held
    first = asyncio.create_task(rig.ids("one"))
    second = asyncio.create_task(rig.ids("one"))
    await arrived.wait()
    first.cancel()
    await asyncio.sleep(0)
    goes_on.set()
    assert await second == ["one"]


async def test_closing_ends_a_fetch(rig: Rig) -> None:
    arrived = asyncio.Event()

    async def held(_: object) -> bytes:
        arrived.set()
        await asyncio.Event().wait()
        return b""

    rig.web.answer = held
    rig.keys.start()
    await arrived.wait()
    await rig.keys.aclose()
    assert rig.keys.fetches == 1
