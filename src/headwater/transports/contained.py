"""A track's failure while it takes packets in ends who sends them, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVarTuple

from headwater.log_pace import paced_logger
from headwater.transports.ingest import IngestOwner

logger = paced_logger(__name__)

Came = TypeVarTuple("Came")

PacketsConsumer = Callable[[list[bytes]], None]
RunConsumer = Callable[[bytes, int], None]


def contained(write: Callable[[*Came], None], owner: IngestOwner) -> Callable[[*Came], None]:
    """Take packets in; should that fail, close their owner."""

    def receive(*came: *Came) -> None:
        try:
            write(*came)
        except Exception as error:  # noqa: BLE001 - logged there
            end_failed(owner, error)

    return receive


def end_failed(owner: IngestOwner, error: Exception) -> None:
    """Close the owner of packets whose track has raised while it took them in."""
    logger.error("ingest failed", exc_info=error, extra={"session": owner.id, "peer": owner.peer})
    owner.close("ingest failed")
