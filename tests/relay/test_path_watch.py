"""Rooms are told when the settings of their paths change while the server runs."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from inside import inside
from logged import events
from own_ports import own_port

from headwater import MountSettings, RtspServer
from headwater.media.path_difference import PathDifference


async def test_a_room_is_told_of_added_changed_and_removed_paths(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[PathDifference] = []

    def broken(_difference: PathDifference) -> None:
        raise RuntimeError("a room that fails")

    arguments: dict[str, Any] = {
        "host": "127.0.0.1",
        "publish_port": 0,
        "rtp_port_start": own_port(0),
    }
    async with RtspServer(**arguments, paths={"a": {"grace_s": 1.0}}) as server:
        watch = inside(server).relay.path_watch
        watch.register(MountSettings, broken)
        watch.register(MountSettings, told.append)
        await server.set_path("cam/*", {"grace_s": 2.0})
        await server.set_path("cam/*", {"grace_s": 3.0})
        await server.remove_path("a")
        await server.apply(server.settings)
    shape = [(list(each.added), list(each.changed), list(each.removed)) for each in told]
    assert shape == [(["cam/*"], [], []), ([], ["cam/*"], []), ([], [], ["a"])]
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert events(errors) == ["changed paths not applied"] * 3
