"""A track's failure while it takes packets in ends who sends them, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

from headwater.log_pace import paced_logger
from headwater.transports.ingest import IngestOwner

logger = paced_logger(__name__)

P = ParamSpec("P")

PacketsConsumer = Callable[[list[bytes]], None]
RunConsumer = Callable[[bytes, int], None]


def contained(write: Callable[P, None], owner: IngestOwner) -> Callable[P, None]:
    """Take packets in; should that fail, close their owner."""

    def receive(*packets: P.args, **named: P.kwargs) -> None:
        try:
            write(*packets, **named)
        except Exception:
            logger.exception("ingest failed", extra={"session": owner.id, "peer": owner.peer})
            owner.close("ingest failed")

    return receive
