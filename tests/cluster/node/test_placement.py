"""Which node takes which source."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from headwater.cluster.node.placement import order_of
from headwater.cluster.registry.records import NodeRecord, NodeState

NODES = [NodeRecord(name=name, life="1", url="", public_url="") for name in "abcd"]
PATHS = [f"/cam{number}" for number in range(400)]


def first(path: str, nodes: list[NodeRecord]) -> str:
    return order_of(path, nodes)[0].name


def test_sources_are_spread_and_all_nodes_agree() -> None:
    counts = Counter(first(path, NODES) for path in PATHS)
    assert min(counts.values()) > 60
    assert [first(path, NODES[::-1]) for path in PATHS] == [first(path, NODES) for path in PATHS]


def test_of_the_two_that_a_path_picks_the_less_busy_one_takes_it() -> None:
    nodes = [replace(NODES[0], busy_share=0.9), *NODES[1:]]
    assert all(first(path, nodes) != "a" for path in PATHS)
    for path in PATHS:
        assert {each.name for each in order_of(path, nodes)} == set("abcd")


def test_r6_a_node_that_drains_is_given_nothing() -> None:
    nodes = [replace(NODES[0], state=NodeState.DRAINING), *NODES[1:]]
    assert all("a" not in {each.name for each in order_of(path, nodes)} for path in PATHS)
    assert order_of("/cam", nodes[:1]) == []


def test_when_a_node_dies_only_its_own_sources_move() -> None:
    moved = [path for path in PATHS if first(path, NODES) != first(path, NODES[1:])]
    # Those of the dead node, and of pairs in which it was the second by its name alone none.
    assert {first(path, NODES) for path in moved} == {"a"}
