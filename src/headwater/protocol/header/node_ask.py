"""`X-Headwater-Node`: one node of a cluster asks another for a mount that this one has.

Clients can send the header as well: it counts only behind the credentials of the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from headwater.protocol.errors import ProtocolError

NODE_HEADER: Final = "X-Headwater-Node"
FETCH: Final = 0
"""The epoch of what no node has yet: whoever is asked is to fetch the source of the path."""
_MOST_EPOCH_DIGITS: Final = 20
"""Of any number of 64 bits."""


@dataclass(frozen=True, slots=True)
class NodeAsk:
    """What a node says of itself and of what it wants.

    Attributes:
        node: its name.
        epoch: of the claim by which the other node is to have the mount; `FETCH` for none.
    """

    node: str
    epoch: int

    def to_value(self) -> str:
        """Return the header's value."""
        return f"{self.node} {self.epoch}"

    @classmethod
    def of(cls, value: str) -> NodeAsk:
        """Read a header's value. Raises ProtocolError."""
        node, _, epoch = value.strip().partition(" ")
        is_number = epoch.isascii() and epoch.isdigit() and len(epoch) <= _MOST_EPOCH_DIGITS
        if not node or not is_number:
            raise ProtocolError(f"{NODE_HEADER} is {value:.80}; it must be a name and an epoch")
        return cls(node, int(epoch))
