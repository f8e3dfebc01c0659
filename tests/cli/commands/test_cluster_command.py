"""`headwater cluster` against nodes and a registry that are real."""

from __future__ import annotations

import asyncio
import json
import sys
from subprocess import CompletedProcess

import pytest
from cluster_rig import PASSWORD, Cluster, cluster
from command_here import command_here
from redis_server import RedisServer, redis_server
from rtsp_peer import RtspPeer, TcpPublisher

from headwater.cli.commands import cluster_command
from headwater.cli.commands.cluster_command import EXIT_STILL_BUSY
from headwater.cli.failures import EXIT_CONFIGURATION, EXIT_FAILED, CommandFailed
from headwater.cluster.node.settings import ClusterSettings
from headwater.cluster.registry.registry import ShownRegistry
from headwater.config.settings import Settings
from headwater.version import __version__

__all__ = ["redis_server"]

WAIT = ("--wait", "60")


async def asked(registry: RedisServer, *arguments: str) -> CompletedProcess[str]:
    """Run the command by the settings of a node, while the nodes go on."""
    environment = {
        "HEADWATER_CLUSTER__URL": registry.url,
        "HEADWATER_CLUSTER__NODE_PASSWORD": PASSWORD,
    }
    return await asyncio.to_thread(command_here, "cluster", *arguments, environment=environment)


async def filled(nodes: Cluster) -> None:
    """Wait until the registry knows that the publisher's path is filled."""
    await nodes.until(
        lambda: (held := nodes.node(0)._holding.of("/cam")) is not None and held.ready
    )


async def test_it_shows_nodes_and_who_has_which_path(redis_server: RedisServer) -> None:
    async with cluster(redis_server) as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        await filled(both)
        table = await asked(redis_server, "--mounts")
        assert table.returncode == 0, table.stderr
        for text in ("serving", __version__, both.url(0, "").rstrip("/"), "/cam"):
            assert text in table.stdout
        whole = await asked(redis_server, "--mounts", "--json")
        document = json.loads(whole.stdout)
        assert [node["name"] for node in document["nodes"]] == ["a", "b"]
        assert {node["state"] for node in document["nodes"]} == {"serving"}
        [mount] = document["mounts"]
        held = both.node(0)._holding.of("/cam")
        assert held is not None
        assert (mount["path"], mount["node"], mount["epoch"]) == ("/cam", "a", held.tenure.epoch)
        assert "mounts" not in json.loads((await asked(redis_server, "--json")).stdout)


async def test_a_node_drains_by_command_and_serves_again(redis_server: RedisServer) -> None:
    async with cluster(redis_server) as both:
        done = await asked(redis_server, "--drain", "a", *WAIT, "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told == {"node": "a", "drains": True, "state": "draining", "mounts": 0, "readers": 0}
        announce = {"Content-Type": "application/sdp"}
        assert both.node(0).sources.drains
        peer = await RtspPeer.connect(both.port(0))
        answer = await peer.ask("ANNOUNCE", both.url(0), announce, b"")
        assert answer.status != 200
        done = await asked(redis_server, "--serve", "a")
        assert done.returncode == 0
        assert done.stdout.startswith("a is to serve again; when it spoke last: ")
        await both.until(lambda: not both.node(0).sources.drains)


async def test_a_node_that_has_a_publisher_left_is_told_by_the_exit_code(
    redis_server: RedisServer,
) -> None:
    async with cluster(redis_server) as both:
        await TcpPublisher.start(both.port(0), both.url(0))
        await filled(both)
        done = await asked(redis_server, "--drain", "a", "--wait", "0.1")
        assert done.returncode == EXIT_STILL_BUSY
        assert done.stdout.startswith("a is to drain; when it spoke last: ")
        # Whoever is there stays.
        assert both.mount(0).publisher is not None


async def test_a_node_that_is_not_there_is_no_order_done(redis_server: RedisServer) -> None:
    async with cluster(redis_server):
        done = await asked(redis_server, "--drain", "c")
        assert done.returncode == EXIT_FAILED
        assert "no node c" in done.stderr
        assert "a, b" in done.stderr


async def test_a_registry_that_is_gone_is_said_with_what_to_do(redis_server: RedisServer) -> None:
    await redis_server.kill()
    done = await asked(redis_server)
    assert done.returncode == EXIT_FAILED
    assert "the registry does not answer" in done.stderr
    assert PASSWORD not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "cluster.url is empty"),
        (("--drain", "a", "--serve", "b"), "choose one"),
        (("--wait", "3"), "--wait needs --drain"),
    ],
)
def test_what_cannot_be_asked_is_refused(arguments: tuple[str, ...], text: str) -> None:
    done = command_here("cluster", *arguments)
    assert done.returncode == EXIT_CONFIGURATION
    assert text in done.stderr


def test_what_to_do_about_a_missing_package_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "headwater.cluster.registry.redis_registry", None)
    settings = Settings(cluster=ClusterSettings(url="redis://127.0.0.1", node_password="p"))

    async def ask(registry: ShownRegistry) -> None:
        raise AssertionError(registry)

    with pytest.raises(CommandFailed) as failed:
        cluster_command._asked(settings, ask)
    assert f"{failed.value} {failed.value.remedy}".count("pip install") == 1
