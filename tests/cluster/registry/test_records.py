"""Records of nodes and news as they travel."""

from __future__ import annotations

import pytest

from headwater.cluster.leases import Tenure
from headwater.cluster.registry.records import Change, News, NodeRecord, NodeState, can_host

RECORD = NodeRecord(
    name="a",
    life="7f",
    url="rtsp://10.0.0.1:8554",
    public_url="rtsp://a.example",
    busy_share=0.25,
    mounts=2,
    pulls=1,
    readers=9,
    version="1.2",
    started_s=1.5,
)


def test_a_record_is_read_as_it_was_written() -> None:
    flat = RECORD.to_fields()
    found = dict(zip(flat[::2], flat[1::2], strict=True))
    assert NodeRecord.of(found) == RECORD
    # Of another version: a field that is not known here, and one that is not told there.
    del found["pulls"]
    assert NodeRecord.of({**found, "order": "drain"}).pulls == 0


@pytest.mark.parametrize("state", NodeState)
def test_r6_only_a_node_that_serves_can_host(state: NodeState) -> None:
    node = NodeRecord(name="a", life="1", url="", public_url="", state=state)
    assert can_host(node) is (state is NodeState.SERVING)


@pytest.mark.parametrize("change", Change)
def test_news_are_read_as_they_were_written(change: Change) -> None:
    news = News(change, Tenure("/a b", "node-1", 1_764_000_000_000))
    assert News.of(news.to_text()) == news


@pytest.mark.parametrize("text", ["", "up 1 a", "gone 1 a /b", "up x a /b"])
def test_what_is_no_news_is_left_aside(text: str) -> None:
    assert News.of(text) is None
