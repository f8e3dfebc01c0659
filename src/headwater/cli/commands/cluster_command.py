"""`headwater cluster`: the nodes of a cluster, who has which path, and the order to drain."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from headwater.app.cluster import open_registry
from headwater.cli.commands.serve_command import CONFIG_VARIABLE, parse_assignment
from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed
from headwater.cli.settings_read import read_settings
from headwater.cluster.registry.records import Lease, NodeRecord, NodeState
from headwater.cluster.registry.registry import RegistryGone, ShownRegistry
from headwater.config.settings import Settings
from headwater.control.json_text import plain

EXIT_STILL_BUSY = 3
"""When the time to wait was over, the node had something left, or had not said that it drains."""
_LOOK_S = 0.25
_PLAIN_WIDTH = 160

_Told = TypeVar("_Told")


def cluster(
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            envvar=CONFIG_VARIABLE,
            help="Configuration file of a node: its section `cluster` says where the registry is.",
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            help="Set any key of the file. You can use this option several times.",
        ),
    ] = None,
    mounts: Annotated[
        bool, typer.Option("--mounts", help="Show also which node has which path.")
    ] = False,
    drain: Annotated[
        str,
        typer.Option(
            metavar="NODE",
            help="Have this node take no new publisher or camera, and give its cameras to others.",
            show_default=False,
        ),
    ] = "",
    serve: Annotated[
        str,
        typer.Option(
            metavar="NODE", help="Have this node serve again after --drain.", show_default=False
        ),
    ] = "",
    wait_s: Annotated[
        float,
        typer.Option(
            "--wait",
            min=0.0,
            metavar="SECONDS",
            help="With --drain: wait so long for the node to have no path and no reader left.",
        ),
    ] = 0.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as one line of JSON.")
    ] = False,
) -> None:
    """Show the nodes of a cluster and what they have, or have one drain.

    The command asks the registry, by the configuration file or the environment variables of a
    node. No node needs to be on this machine. A node that drains stops with SIGTERM as every
    server; a new process serves again, whatever the old one was told.

    Exit code 0 when it is done, 1 when the registry cannot be reached or has no such node, 2 when
    no cluster is configured, 3 when the node has something left after
    --wait, or has not said by then that it drains (nodes speak every two seconds).
    """
    if drain and serve:
        raise CommandFailed("--drain and --serve: choose one", exit_code=EXIT_CONFIGURATION)
    if wait_s and not drain:
        raise CommandFailed("--wait needs --drain", exit_code=EXIT_CONFIGURATION)
    settings = read_settings(config, [parse_assignment(text) for text in assignments or ()])
    if not settings.cluster.url:
        raise CommandFailed(
            "cluster.url is empty: this configuration is that of a server alone",
            remedy="give the file of a node with --config, or set HEADWATER_CLUSTER__URL",
            exit_code=EXIT_CONFIGURATION,
        )
    if name := drain or serve:
        given = _asked(
            settings, lambda registry: _order(registry, name, drains=bool(drain), wait_s=wait_s)
        )
        typer.echo(json.dumps(plain(given)) if as_json else given.line())
        if wait_s and not given.is_empty:
            raise typer.Exit(EXIT_STILL_BUSY)
        return
    seen = _asked(settings, lambda registry: _look(registry, with_mounts=mounts))
    if as_json:
        typer.echo(json.dumps(seen.to_document()))
    else:
        _show(seen)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the registry says; `leases` is None where nobody asked for them."""

    nodes: tuple[NodeRecord, ...]
    leases: tuple[Lease, ...] | None

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        document: dict[str, Any] = {"nodes": plain(self.nodes)}
        if self.leases is not None:
            document["mounts"] = [
                {
                    "path": lease.tenure.path,
                    "node": lease.tenure.holder,
                    "epoch": lease.tenure.epoch,
                    "filled": lease.ready,
                    "url": lease.url,
                }
                for lease in self.leases
            ]
        return document


@dataclass(frozen=True, slots=True)
class Given:
    """An order that a node was given, and how it stands with it.

    Attributes:
        node: its name.
        drains: whether it is to drain, or to serve.
        state: what it said last.
        mounts, readers: how many it had then.
    """

    node: str
    drains: bool
    state: NodeState
    mounts: int
    readers: int

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left at a node that drains."""
        return self.state is NodeState.DRAINING and not self.mounts and not self.readers

    def line(self) -> str:
        """Return it for people."""
        ordered = "is to drain" if self.drains else "is to serve again"
        return (
            f"{self.node} {ordered}; when it spoke last: {self.state}, paths {self.mounts}, "
            f"readers {self.readers}"
        )


def _asked(settings: Settings, ask: Callable[[ShownRegistry], Awaitable[_Told]]) -> _Told:
    """Return what the registry says. Raises CommandFailed where it says nothing."""

    async def run() -> _Told:
        registry = open_registry(settings)
        try:
            return await ask(registry)
        finally:
            await registry.close()

    try:
        return asyncio.run(run())
    except ValueError as error:
        raise CommandFailed(str(error)) from error  # it says itself what to do
    except RegistryGone as error:
        raise CommandFailed(
            f"the registry does not answer: {error}",
            remedy="does Redis or Valkey run there (cluster.url), and can this machine reach it?",
        ) from error


async def _look(registry: ShownRegistry, *, with_mounts: bool) -> Seen:
    nodes = await registry.nodes()
    if not with_mounts:
        return Seen(nodes, None)
    leases = [lease async for lease in registry.leases()]
    return Seen(nodes, tuple(sorted(leases, key=lambda lease: lease.tenure.path)))


async def _order(registry: ShownRegistry, name: str, *, drains: bool, wait_s: float) -> Given:
    """Give a node an order, and wait until it has nothing left where that is asked for."""
    if not await registry.order_drain(name, drain=drains):
        names = ", ".join(node.name for node in await registry.nodes()) or "none"
        raise CommandFailed(
            f"no node {name} lives in this cluster", remedy=f"those that do: {names}"
        )
    given = await _standing(registry, name, drains=drains)
    loop = asyncio.get_running_loop()
    until_s = loop.time() + wait_s
    while not given.is_empty and loop.time() < until_s:
        await asyncio.sleep(_LOOK_S)
        given = await _standing(registry, name, drains=drains)
    return given


async def _standing(registry: ShownRegistry, name: str, *, drains: bool) -> Given:
    for node in await registry.nodes():
        if node.name == name:
            return Given(name, drains, node.state, node.mounts, node.readers)
    # It has ended, or has died: it has nothing more.
    return Given(name, drains, NodeState.DRAINING, 0, 0)


def _show(seen: Seen) -> None:
    from rich.console import Console

    from headwater.cli.commands.cluster_view import leases_table, nodes_table

    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    console.print(nodes_table(seen.nodes, now_s=time.time()))
    if seen.leases is not None:
        console.print(leases_table(seen.leases))
