"""The tables of `headwater cluster`."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from headwater.cli.commands.cluster_view import leases_table, nodes_table
from headwater.cluster.leases import Tenure
from headwater.cluster.registry.records import Lease, NodeRecord, NodeState


def printed(table: Table) -> list[list[str]]:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table)
    return [line.split() for line in capture.get().splitlines() if line.strip()]


def test_a_node_is_a_row_with_its_state_age_and_load() -> None:
    node = NodeRecord(
        name="n[red]1",
        life="x",
        url="rtsp://10.0.0.5:8554",
        public_url="",
        state=NodeState.DRAINING,
        version="1.2",
        busy_share=0.256,
        mounts=3,
        pulls=4,
        readers=500,
        workers=2,
        started_s=1000.0,
    )
    row = printed(nodes_table([node], now_s=1065.0))[-1]
    assert row == [
        *("n[red]1", "draining", "1", "min", "5", "s", "1.2"),
        *("2", "26%", "3", "4", "500", "rtsp://10.0.0.5:8554"),
    ]


def test_a_path_is_a_row_and_its_name_does_the_terminal_no_harm() -> None:
    leases = [
        Lease(Tenure("/cam", "a", 17), "rtsp://a", "", ready=True),
        Lease(Tenure("/\x1b[2J", "b", 18), "rtsp://b", "", ready=False),
    ]
    rows = printed(leases_table(leases))
    assert rows[-2] == ["/cam", "a", "yes", "17"]
    assert rows[-1][1:] == ["b", "not", "yet", "18"]
    assert "\x1b" not in rows[-1][0]
