"""What ten thousand mounts of a node cost the registry, counted by the registry itself."""

from __future__ import annotations

from typing import Any

from redis_server import RedisServer, redis_server

from headwater.cluster.leases import Tenure
from headwater.cluster.registry.records import Ask, How, NodeRecord
from headwater.cluster.registry.redis_registry import RedisRegistry
from headwater.cluster.registry.server_url import ServerUrl

__all__ = ["redis_server"]

MOUNTS = 10_000
NODE = NodeRecord(name="node-1", life="1", url="rtsp://10.0.0.5:8554", public_url="")
AT_ONCE = 500


async def figures(server: RedisServer) -> dict[str, Any]:
    client = server.client()
    found: dict[str, Any] = await client.info("all")
    await client.aclose()
    return found


async def test_a_sign_of_life_for_ten_thousand_mounts_is_a_few_calls_and_bytes_each(
    redis_server: RedisServer,
) -> None:
    registry = RedisRegistry(ServerUrl.of(redis_server.url), "headwater", ttl_s=600.0)
    await registry.join(NODE)
    tenures: list[Tenure] = []
    for first in range(0, MOUNTS, AT_ONCE):
        asks = [
            Ask(f"/site/{number:05}/camera", How.FREE) for number in range(first, first + AT_ONCE)
        ]
        tenures += [each for each in await registry.claim(NODE, asks) if isinstance(each, Tenure)]
    assert len(tenures) == MOUNTS
    await registry.beat(NODE, tenures)  # scripts that are new to the server are sent whole, once
    calls = await redis_server.calls_of("evalsha", "eval")
    before = await figures(redis_server)
    answer = await registry.beat(NODE, tenures)
    after = await figures(redis_server)
    assert (answer.lost, answer.missing) == ((), ())
    # Of the node, of all nodes, and of 500 leases each.
    assert await redis_server.calls_of("evalsha", "eval") - calls == 2 + MOUNTS / AT_ONCE
    came = after["total_net_input_bytes"] - before["total_net_input_bytes"]
    went = after["total_net_output_bytes"] - before["total_net_output_bytes"]
    # Its key and epoch, each with the length before it; the answer names only what is lost.
    assert came <= 80 * MOUNTS
    assert went - len(str(before)) * 2 <= 1 * MOUNTS
    assert after["used_memory"] <= 1000 * MOUNTS
    await registry.close()
