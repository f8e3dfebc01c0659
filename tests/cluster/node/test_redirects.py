"""Which readers go to another node, and where."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headwater.cluster.leases import Tenure
from headwater.cluster.node.placement import order_of
from headwater.cluster.node.redirects import Redirects
from headwater.cluster.node.settings import ReaderWay
from headwater.cluster.registry.records import Lease, NodeRecord, NodeState
from headwater.hooks import HookRequest
from headwater.side import Side

NODES = {
    name: NodeRecord(
        name=name, life="1", url=f"rtsp://{name}", public_url=f"rtsp://{name}.example:8554"
    )
    for name in "abc"
}
LEASE = Lease(Tenure("/cam", "b", 7), "rtsp://b", NODES["b"].public_url, ready=True)
FOLLOWS, DOES_NOT = "Lavf60.3.100", "aiortsp"


def asked(method: str = "DESCRIBE", agent: str = FOLLOWS) -> HookRequest:
    return HookRequest(
        method=method,
        uri="rtsp://here:8554/cam?token=7",
        scheme="rtsp",
        path="/cam",
        query="token=7",
        peer=("127.0.0.1", 5000),
        side=Side.PLAY,
        user_agent=agent,
    )


@pytest.mark.parametrize(
    ("way", "request_", "holder", "is_sent"),
    [
        (ReaderWay.REDIRECT, asked(), NODES["b"], True),
        (ReaderWay.AUTO, asked(), NODES["b"], True),
        (ReaderWay.PULL, asked(), NODES["b"], False),
        (ReaderWay.REDIRECT, asked("SETUP"), NODES["b"], False),
        (ReaderWay.REDIRECT, asked(agent=DOES_NOT), NODES["b"], False),
        (ReaderWay.REDIRECT, asked(), None, False),
        (ReaderWay.REDIRECT, asked(), replace(NODES["b"], busy_share=0.8), False),
        (ReaderWay.REDIRECT, asked(), replace(NODES["b"], state=NodeState.DRAINING), False),
    ],
)
def test_a_reader_is_sent_to_who_has_the_mount(
    way: ReaderWay, request_: HookRequest, holder: NodeRecord | None, is_sent: bool
) -> None:
    url = Redirects(lambda: 0.0).url_for(way, request_, LEASE, holder)
    assert url == ("rtsp://b.example:8554/cam?token=7" if is_sent else None)


def test_auto_sends_the_first_readers_of_a_minute() -> None:
    now = [0.0]
    redirects = Redirects(lambda: now[0])

    def sent() -> int:
        urls = [redirects.url_for(ReaderWay.AUTO, asked(), LEASE, NODES["b"]) for _ in range(20)]
        return len([url for url in urls if url is not None])

    assert (sent(), sent()) == (8, 0)
    now[0] = 61.0
    assert sent() == 8


def test_a_node_that_drains_sends_readers_to_the_holder_or_all_of_a_path_to_one_other() -> None:
    redirects = Redirects(lambda: 0.0)
    nodes = {**NODES, "a": replace(NODES["a"], state=NodeState.DRAINING)}
    way = ReaderWay.REDIRECT
    for holder in "bc":
        url = redirects.url_away(way, asked(), "/cam", nodes, holder)
        assert url == f"rtsp://{holder}.example:8554/cam?token=7"
    first = order_of("/cam", nodes.values())[0]
    for _ in range(20):
        url = redirects.url_away(way, asked(), "/cam", nodes)
        assert url == f"{first.public_url}/cam?token=7"


@pytest.mark.parametrize(
    ("way", "request_", "nodes"),
    [
        (ReaderWay.PULL, asked(), NODES),
        (ReaderWay.REDIRECT, asked("SETUP"), NODES),
        (ReaderWay.REDIRECT, asked(agent=DOES_NOT), NODES),
        (ReaderWay.REDIRECT, asked(), {}),
        (ReaderWay.REDIRECT, asked(), {"b": replace(NODES["b"], busy_share=0.8)}),
        (ReaderWay.REDIRECT, asked(), {"b": replace(NODES["b"], state=NodeState.DRAINING)}),
    ],
)
def test_a_node_that_drains_serves_whoever_cannot_be_sent(
    way: ReaderWay, request_: HookRequest, nodes: dict[str, NodeRecord]
) -> None:
    assert Redirects(lambda: 0.0).url_away(way, request_, "/cam", nodes) is None
