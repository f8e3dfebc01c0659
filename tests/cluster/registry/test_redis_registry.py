"""The registry on a real server: what is atomic, what ends by itself, what is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from redis_server import RedisServer, redis_server

from headwater.cluster.leases import Tenure
from headwater.cluster.registry.records import (
    LATE_EPOCHS,
    Ask,
    Change,
    How,
    News,
    NodeRecord,
    NodeState,
    Refused,
)
from headwater.cluster.registry.redis_registry import RedisRegistry
from headwater.cluster.registry.registry import RegistryGone
from headwater.cluster.registry.server_url import ServerUrl

__all__ = ["redis_server"]

TTL_S = 60.0
"""So long that nothing ends by itself, however slow the machine is."""


def node(name: str, life: str = "1") -> NodeRecord:
    return NodeRecord(
        name=name, life=life, url=f"rtsp://{name}:8554", public_url=f"rtsp://{name}.example:8554"
    )


A, B = node("a"), node("b")


@pytest.fixture
async def registry(redis_server: RedisServer) -> AsyncIterator[RedisRegistry]:
    registry = RedisRegistry(ServerUrl.of(redis_server.url), "test", ttl_s=TTL_S)
    yield registry
    await registry.close()


async def claim(
    registry: RedisRegistry,
    path: str,
    who: NodeRecord,
    how: How,
    *,
    epoch: int = 0,
    ready: bool = False,
) -> Tenure | Refused:
    [answer] = await registry.claim(who, [Ask(path, how, epoch, ready)])
    return answer


async def claimed(registry: RedisRegistry, who: NodeRecord, how: How = How.FREE) -> Tenure:
    tenure = await claim(registry, "/cam", who, how)
    assert isinstance(tenure, Tenure)
    assert tenure.holder == who.name
    return tenure


async def expire(server: RedisServer) -> None:
    """Have all leases and records of nodes end now, as if nobody had renewed them."""
    client = server.client()
    keys = [key async for key in client.scan_iter()]
    for key in keys:
        if not key.endswith(":epochs"):  # they stay for a day
            await client.pexpire(key, 1)
    kept = [key for key in keys if key.endswith(":epochs")]
    async with asyncio.timeout(10):
        while await client.exists(*keys) > len(kept):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
    await client.aclose()


async def test_r1_r3_of_sixteen_who_claim_at_once_one_gets_the_path(
    redis_server: RedisServer,
) -> None:
    registries = [RedisRegistry(ServerUrl.of(redis_server.url), "test") for _ in range(16)]
    for turn in range(20):
        answers = await asyncio.gather(
            *(
                claim(each, f"/cam{turn}", node(f"n{number}"), How.FREE)
                for number, each in enumerate(registries)
            )
        )
        winners = [each for each in answers if isinstance(each, Tenure)]
        assert len(winners) == 1
        losers = [each for each in answers if isinstance(each, Refused)]
        assert {each.holder for each in losers} == {winners[0].holder}
    for each in registries:
        await each.close()


async def test_a_lease_says_where_its_holder_is_and_whether_it_is_filled(
    registry: RedisRegistry,
) -> None:
    tenure = await claimed(registry, A)
    [lease] = (await registry.look_up(["/cam"])).values()
    assert lease is not None
    assert (lease.tenure, lease.ready) == (tenure, False)
    assert (lease.url, lease.public_url) == (A.url, A.public_url)
    assert await registry.mark_ready(tenure)
    [lease] = (await registry.look_up(["/cam"])).values()
    assert lease is not None
    assert lease.ready
    assert [each async for each in registry.leases()] == [lease]


async def test_r5_who_has_lost_a_path_neither_renews_nor_releases_it(
    redis_server: RedisServer, registry: RedisRegistry
) -> None:
    old = await claimed(registry, A)
    await expire(redis_server)
    new = await claimed(registry, B)
    assert new.epoch > old.epoch
    answer = await registry.beat(A, [old])
    assert answer.lost == (old,)
    assert answer.missing == ()
    assert not await registry.release(old)
    assert not await registry.mark_ready(old)
    assert await claim(registry, "/cam", A, How.RESTORE, epoch=old.epoch) == Refused("b", new.epoch)
    [lease] = (await registry.look_up(["/cam"])).values()
    assert lease is not None
    assert lease.tenure == new


async def test_r7_nothing_stays_of_a_node_that_says_nothing_more(
    redis_server: RedisServer, registry: RedisRegistry
) -> None:
    await registry.join(A)
    await claimed(registry, A)
    client = redis_server.client()
    for key in [key async for key in client.scan_iter()]:
        assert await client.pttl(key) > 0, key
    await client.aclose()
    # And it is gone by its time, whoever asks or does not.
    brief = RedisRegistry(ServerUrl.of(redis_server.url), "brief", ttl_s=0.2)
    await brief.join(A)
    await claimed(brief, A)
    async with asyncio.timeout(30):
        while await brief.nodes() or [each async for each in brief.leases()]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await brief.close()


async def test_r8_what_nodes_write_at_once_does_not_overwrite_what_others_wrote(
    redis_server: RedisServer,
) -> None:
    registries = [RedisRegistry(ServerUrl.of(redis_server.url), "test") for _ in range(16)]
    names = [f"n{number:02}" for number in range(16)]

    async def join_and_claim(registry: RedisRegistry, name: str) -> None:
        await registry.join(node(name))
        await registry.claim(node(name), [Ask(f"/{name}/{number}", How.FREE) for number in (0, 1)])

    await asyncio.gather(*map(join_and_claim, registries, names))
    assert [each.name for each in await registries[0].nodes()] == names
    leases = [each.tenure async for each in registries[0].leases()]
    assert sorted((each.holder, each.path) for each in leases) == [
        (name, f"/{name}/{number}") for name in names for number in (0, 1)
    ]
    await registries[3].leave(names[3], "1")
    assert [each.name for each in await registries[0].nodes()] == names[:3] + names[4:]
    for each in registries:
        await each.close()


async def test_a_beat_renews_everything_in_one_pipeline(
    redis_server: RedisServer,
) -> None:
    ttl_s, mounts, beats = 600.0, 1200, 5
    registry = RedisRegistry(ServerUrl.of(redis_server.url), "test", ttl_s=ttl_s)
    await registry.join(A)
    tenures: list[Tenure] = []
    for first in range(0, mounts, 400):
        asks = [Ask(f"/{number}", How.FREE) for number in range(first, first + 400)]
        tenures += [each for each in await registry.claim(A, asks) if isinstance(each, Tenure)]
    assert len(tenures) == mounts
    client = redis_server.client()
    keys = [f"test:{{m:/{number}}}" for number in range(mounts)]
    keys += [key async for key in client.scan_iter("test:{nodes}*")]
    half_ms = round(ttl_s * 500)
    shortened, left = client.pipeline(), client.pipeline()
    for key in keys:
        shortened.pexpire(key, half_ms)
        left.pttl(key)
    assert all(await shortened.execute())
    await registry.beat(A, tenures)  # scripts that are new to the server are sent whole, once
    assert min(await left.execute()) > half_ms
    await client.aclose()
    before = await redis_server.calls_of("evalsha", "eval")
    for _ in range(beats):
        answer = await registry.beat(A, tenures)
        assert (answer.lost, answer.missing) == ((), ())
    # Of the node, of all nodes, and three of at most 500 leases each.
    assert await redis_server.calls_of("evalsha", "eval") - before == 5 * beats
    assert len([each async for each in registry.leases()]) == mounts
    await registry.close()


async def test_a_node_hears_of_all_nodes_and_of_the_order_to_drain(
    registry: RedisRegistry,
) -> None:
    await registry.join(A)
    await registry.join(replace(B, busy_share=0.5, readers=7, state=NodeState.DRAINING))
    answer = await registry.beat(A, [])
    assert [each.name for each in answer.nodes] == ["a", "b"]
    assert answer.nodes[1].readers == 7
    assert answer.nodes[1].state is NodeState.DRAINING
    assert not answer.drain
    assert await registry.order_drain("a", drain=True)
    assert (await registry.beat(A, [])).drain
    assert await registry.order_drain("a", drain=False)
    assert not (await registry.beat(A, [])).drain
    assert not await registry.order_drain("c", drain=True)
    await registry.leave("b", "another life")
    assert len(await registry.nodes()) == 2
    await registry.leave("b", B.life)
    assert [each.name for each in await registry.nodes()] == ["a"]


async def test_a_node_that_is_started_again_goes_before_its_earlier_process(
    registry: RedisRegistry,
) -> None:
    await registry.join(A)
    assert await registry.order_drain("a", drain=True)
    before = await claimed(registry, A)
    after = node("a", life="2")
    await registry.join(after)
    assert (await registry.beat(A, [])).replaced
    answer = await registry.beat(after, [])
    assert (answer.replaced, answer.drain) == (False, False)
    assert (await claimed(registry, after)).epoch > before.epoch
    assert (await registry.beat(after, [before])).lost == (before,)


async def test_a_later_publisher_replaces_an_earlier_where_that_is_the_setting(
    registry: RedisRegistry,
) -> None:
    before = await claimed(registry, A)
    assert await claim(registry, "/cam", B, How.FREE) == Refused("a", before.epoch)
    after = await claimed(registry, B, How.REPLACE)
    assert after.epoch > before.epoch
    assert (await registry.beat(A, [before])).lost == (before,)


async def test_a_registry_that_was_emptied_takes_back_what_it_had(
    redis_server: RedisServer, registry: RedisRegistry
) -> None:
    tenure = await claimed(registry, A)
    await redis_server.kill()
    with pytest.raises(RegistryGone):
        await registry.beat(A, [tenure])
    await redis_server.start()
    answer = await registry.beat(A, [tenure])
    assert answer.missing == (tenure,)
    again = await claim(registry, "/cam", A, How.RESTORE, epoch=tenure.epoch, ready=True)
    assert again == tenure
    assert (await registry.beat(A, [tenure])).missing == ()
    # Whoever claims it next has a higher epoch: the registry has learned from what was restored.
    assert await registry.release(tenure)
    assert (await claimed(registry, B)).epoch > tenure.epoch


async def test_a_claim_made_without_the_registry_gives_way_to_one_made_with_it(
    redis_server: RedisServer, registry: RedisRegistry
) -> None:
    tenure = await claimed(registry, A)
    await expire(redis_server)
    late = await claimed(registry, B, How.LATE)
    assert late.epoch < LATE_EPOCHS < tenure.epoch
    assert await claim(registry, "/cam", A, How.RESTORE, epoch=tenure.epoch) == tenure
    assert (await registry.beat(B, [late])).lost == (late,)
    # And the other way round: who comes late finds the path taken.
    assert await claim(registry, "/cam", B, How.LATE) == Refused("a", tenure.epoch)
    restored = await claim(registry, "/cam", B, How.RESTORE, epoch=late.epoch)
    assert restored == Refused("a", tenure.epoch)


async def test_what_happens_to_paths_is_told_to_all(registry: RedisRegistry) -> None:
    heard: asyncio.Queue[News] = asyncio.Queue()
    begun = asyncio.Event()
    listening = asyncio.create_task(registry.listen(heard.put_nowait, begun.set))
    await begun.wait()
    path = "/a path } with blanks"
    tenure = await claim(registry, path, A, How.FREE)
    assert isinstance(tenure, Tenure)
    await registry.mark_ready(tenure)
    await registry.tell(News(Change.WAY, replace(tenure, epoch=0)))
    await registry.release(tenure)
    told = [await asyncio.wait_for(heard.get(), 5) for _ in range(4)]
    assert [each.change for each in told] == [Change.UP, Change.READY, Change.WAY, Change.DOWN]
    assert [each.tenure for each in told] == [tenure, tenure, replace(tenure, epoch=0), tenure]
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


@pytest.mark.parametrize("ends", ["kill", "freeze"])
async def test_whoever_listens_is_told_when_the_registry_is_gone(
    redis_server: RedisServer, registry: RedisRegistry, ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "headwater.cluster.registry.redis_registry"
    monkeypatch.setattr(f"{module}._DEAF_AFTER_S", 0.2)
    monkeypatch.setattr(f"{module}._DEADLINE_S", 0.3)
    begun = asyncio.Event()
    listening = asyncio.create_task(registry.listen(lambda _: None, begun.set))
    await begun.wait()
    if ends == "kill":
        await redis_server.kill()
    else:
        redis_server.freeze()
    with pytest.raises(RegistryGone):
        await asyncio.wait_for(listening, 10)
    with pytest.raises(RegistryGone):
        await registry.look_up(["/cam"])


async def test_two_clusters_on_one_server_do_not_see_each_other(
    redis_server: RedisServer, registry: RedisRegistry
) -> None:
    other = RedisRegistry(ServerUrl.of(redis_server.url), "other")
    await claimed(registry, A)
    await claimed(other, B)
    await other.join(B)
    assert await registry.nodes() == ()
    assert [each.tenure.holder async for each in registry.leases()] == ["a"]
    await other.close()


async def test_a_user_and_a_password_of_the_server_are_needed_and_never_shown() -> None:
    users = "--user default off --user nodes on >s3cret ~* &* +@all"
    server = RedisServer(1, *users.split())
    login = f"redis://nodes:s3cret@127.0.0.1:{server.port}"
    wrong = f"redis://nodes:wrong@127.0.0.1:{server.port}"
    client: Any = None
    await server.start()
    try:
        client = RedisRegistry(ServerUrl.of(login), "test")
        await claimed(client, A)
        refused = RedisRegistry(ServerUrl.of(wrong), "test")
        with pytest.raises(RegistryGone) as error:
            await refused.look_up(["/cam"])
        assert "wrong" not in str(error.value).replace("WRONGPASS", "")
        await refused.close()
    finally:
        await client.close()
        await server.kill()


BROKEN_RECORDS = {
    "nothing": {"name": "b"},
    "no number": {"name": "b", "life": "1", "url": "u", "public_url": "u", "readers": "many"},
    "no text": {"name": "b", "life": "1", "url": b"\xff", "public_url": "u", "mounts": b"\xfe"},
}


@pytest.mark.parametrize("record", BROKEN_RECORDS.values(), ids=BROKEN_RECORDS)
async def test_a_record_that_cannot_be_read_hides_no_other_node_and_breaks_no_beat(
    redis_server: RedisServer, registry: RedisRegistry, record: dict[str, Any]
) -> None:
    await registry.join(A)
    await registry.join(B)
    tenure = await claimed(registry, A)
    client: Any = redis_server.client()
    await client.delete("test:{nodes}:b")
    await client.hset("test:{nodes}:b", mapping=record)
    answer = await registry.beat(A, [tenure])
    assert [each.name for each in answer.nodes] == ["a"]
    assert not answer.lost
    assert not answer.missing
    assert [each.name for each in await registry.nodes()] == ["a"]


async def test_a_node_in_a_state_of_another_version_is_there_and_given_nothing(
    redis_server: RedisServer, registry: RedisRegistry
) -> None:
    await registry.join(A)
    await registry.join(B)
    await redis_server.client().hset("test:{nodes}:b", "state", "warming up")
    states = {each.name: each.state for each in await registry.nodes()}
    assert states == {"a": NodeState.SERVING, "b": NodeState.DRAINING}


@pytest.mark.parametrize("epoch", ["x", "", b"\xff", "9" * 5_000], ids=len)
async def test_a_lease_that_cannot_be_read_is_nobodys_and_harms_no_other_path(
    redis_server: RedisServer, registry: RedisRegistry, epoch: str | bytes
) -> None:
    good = await claimed(registry, A)
    client: Any = redis_server.client()
    await client.hset("test:{m:/bad}", mapping={"node": "b", "epoch": epoch})
    found = await registry.look_up(["/bad", "/cam"])
    lease = found["/cam"]
    assert found["/bad"] is None
    assert lease is not None
    assert lease.tenure == good
    assert [each.tenure.path async for each in registry.leases()] == ["/cam"]
    # It can be taken, by who may take it from another.
    taken = await claim(registry, "/bad", A, How.REPLACE)
    assert isinstance(taken, Tenure)


@pytest.mark.parametrize("how", list(How))
async def test_a_key_that_is_no_lease_is_as_one_of_another_node_and_harms_no_other_path(
    registry: RedisRegistry, redis_server: RedisServer, how: How
) -> None:
    tenure = await claimed(registry, A)
    lost = Tenure("/wrong", "a", 7)
    client = redis_server.client()
    await client.set("test:{m:/wrong}", "of another program")
    await client.aclose()
    assert await claim(registry, "/wrong", A, how, epoch=7) == Refused("?", 0)
    answer = await registry.beat(A, [tenure, lost])
    assert (answer.lost, answer.missing) == ((lost,), ())
    assert not await registry.mark_ready(lost)
    assert not await registry.release(lost)
    found = await registry.look_up(["/wrong", "/cam"])
    assert found["/wrong"] is None
    assert found["/cam"] is not None
    assert [lease.tenure async for lease in registry.leases()] == [tenure]
