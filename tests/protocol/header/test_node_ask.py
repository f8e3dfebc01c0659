"""The header by which one node of a cluster asks another."""

from __future__ import annotations

import pytest

from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.node_ask import FETCH, NodeAsk


@pytest.mark.parametrize("epoch", [FETCH, 7, 1_764_000_000_000])
def test_it_is_read_as_it_was_written(epoch: int) -> None:
    ask = NodeAsk("node-1", epoch)
    assert NodeAsk.of(ask.to_value()) == ask


@pytest.mark.parametrize(
    "value", ["", "a", "a b", "a -1", " 1", "a 1 2", "a ²", "a " + "9" * 5_000]
)
def test_what_names_no_node_and_epoch_is_refused(value: str) -> None:
    with pytest.raises(ProtocolError, match="must be a name and an epoch"):
        NodeAsk.of(value)
