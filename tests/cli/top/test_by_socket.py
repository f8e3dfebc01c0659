"""The board by a status socket: made of one status after another, by the command itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from pathlib import Path

import pytest
from board_rig import MakeMount, MakeStatus, make_mount, make_status

from headwater.cli.failures import CommandFailed
from headwater.cli.top import by_socket
from headwater.cli.top.by_socket import boards_by_socket
from headwater.control.server_state import ServerState
from headwater.control.status import Health, ServerStatus
from headwater.control.status_socket import StatusSocket

__all__ = ["make_mount", "make_status"]


async def test_rates_are_from_one_look_to_the_next(
    short_folder: Path, make_mount: MakeMount, make_status: MakeStatus
) -> None:
    looks = [
        make_status(make_mount(at_s, track={"bytes": total}), at_s=at_s)
        for at_s, total in ((120.0, 0), (140.0, 2_500_000))
    ]
    asked = iter(looks)

    def steps() -> Generator[None, None, ServerStatus]:
        yield
        return next(asked)

    socket = StatusSocket(
        short_folder / "s",
        steps=steps,
        health=lambda: Health("1", ServerState.RUNNING, 0.0, 0, 0, 0),
        actions={},
    )
    await socket.open()
    try:
        boards = boards_by_socket(short_folder / "s", 0.0)
        first = await asyncio.to_thread(next, boards)
        second = await asyncio.to_thread(next, boards)
    finally:
        await socket.close()
    assert [card["bits_per_s"] for card in first.cards] == [0]
    assert [card["bits_per_s"] for card in second.cards] == [1_000_000]
    assert json.dumps(second.as_json())


def test_a_server_of_another_version_is_told(
    monkeypatch: pytest.MonkeyPatch, make_status: MakeStatus
) -> None:
    document = make_status().to_dict()
    del document["mounts"]
    monkeypatch.setattr(by_socket, "ask", lambda _path, _question: document)
    with pytest.raises(CommandFailed, match="ServerStatus has no mounts") as failed:
        next(boards_by_socket(Path("s"), 0.0))
    assert "version" in failed.value.remedy
