"""The board by the status socket: made here of one status after another."""

import time
from collections.abc import Iterator
from pathlib import Path

from headwater.cli.failures import CommandFailed
from headwater.cli.top.seen import SeenBoard
from headwater.control.board.board import Board
from headwater.control.from_plain import UnfitError, record_of_plain
from headwater.control.json_text import plain
from headwater.control.status import ServerStatus
from headwater.control.status_client import ask


def boards_by_socket(path: Path, interval_s: float) -> Iterator[SeenBoard]:
    """Yield the board now and then. Raises NotReachableError and CommandFailed."""
    board = Board()
    while True:
        try:
            status = record_of_plain(ServerStatus, ask(path, "status"))
        except UnfitError as error:
            raise CommandFailed(
                f"the server's status cannot be read: {error}",
                remedy="it may be of another version than this command",
            ) from None
        seen = board.look(status)
        server = plain(seen.server)
        assert isinstance(server, dict)  # noqa: S101 - what a dataclass becomes
        cards = tuple(card for card in map(plain, seen.cards.values()) if isinstance(card, dict))
        yield SeenBoard(status.clock_s, server, cards)
        time.sleep(interval_s)
