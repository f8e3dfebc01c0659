"""A track's failure while it takes packets in ends who sends them, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from headwater.log_pace import paced_logger
from headwater.transports.ingest import IngestOwner

logger = paced_logger(__name__)

PacketsConsumer = Callable[[list[bytes]], None]


def contained(write: PacketsConsumer, owner: IngestOwner) -> PacketsConsumer:
    """Take packets in; should that fail, close their owner."""

    def receive(packets: list[bytes]) -> None:
        try:
            write(packets)
        except Exception:
            logger.exception("ingest failed", extra={"session": owner.id, "peer": owner.peer})
            owner.close("ingest failed")

    return receive
