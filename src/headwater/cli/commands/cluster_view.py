"""The nodes and the mounts of a cluster as tables for people."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

from headwater.cli.commands.status_view import duration
from headwater.cluster.registry.records import Lease, NodeRecord, NodeState
from headwater.shown_text import shown

_STYLES = {NodeState.SERVING: "green", NodeState.DRAINING: "bold yellow"}


def nodes_table(nodes: Iterable[NodeRecord], *, now_s: float) -> Table:
    """Return a table with a row for each node that lives; `now_s` is seconds since 1970."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("node", "state", "up", "version"):
        table.add_column(name)
    for name in ("workers", "of its cores", "paths", "pulls", "readers"):
        table.add_column(name, justify="right")
    table.add_column("other nodes reach it at", overflow="fold")
    for node in nodes:
        table.add_row(
            Text(shown(node.name)),
            Text(node.state, style=_STYLES[node.state]),
            duration(max(0.0, now_s - node.started_s)),
            Text(shown(node.version)),
            str(node.workers),
            f"{node.busy_share:.0%}",
            str(node.mounts),
            str(node.pulls),
            str(node.readers),
            Text(shown(node.url)),
        )
    return table


def leases_table(leases: Iterable[Lease]) -> Table:
    """Return a table with a row for each path that a node has."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("path", overflow="fold")
    table.add_column("node")
    table.add_column("filled")
    table.add_column("epoch", justify="right")
    for lease in leases:
        tenure = lease.tenure
        filled = "yes" if lease.ready else "not yet"
        path, holder = Text(shown(tenure.path)), Text(shown(tenure.holder))
        table.add_row(path, holder, filled, str(tenure.epoch))
    return table
