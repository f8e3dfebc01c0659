"""A server's configuration read and applied again, without a command around it."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import pytest
from logged import events
from server_rig import RTP_PORT_START, ServerFactory, clock, start_server

from headwater import RtspServer
from headwater.cli.process import reloading
from headwater.cli.process.reloading import NotReloadedError, Reloading
from headwater.cli.process.settings_source import SettingsSource
from headwater.config.settings import Settings

__all__ = ["clock", "start_server"]

REFUSED = "settings not applied, the old ones stay"


@pytest.fixture
async def server(start_server: ServerFactory) -> RtspServer:
    return await start_server(settings=Settings())


@pytest.fixture
def source(tmp_path: Path) -> SettingsSource:
    """What the server was started with, as a file of its own."""
    chosen = {
        "server.host": "127.0.0.1",
        "server.publish_port": "0",
        "rtp.rtp_port_start": str(RTP_PORT_START),
        "rtp.rtp_port_count": "400",
    }
    file = tmp_path / "headwater.toml"
    file.write_text("# as it was\n")
    return SettingsSource(str(file), tuple(("--set", key, value) for key, value in chosen.items()))


def write(source: SettingsSource, text: str) -> None:
    Path(source.file).write_text(text)


@pytest.mark.parametrize("elsewhere", [True, False])
async def test_what_has_changed_is_applied(
    server: RtspServer,
    source: SettingsSource,
    monkeypatch: pytest.MonkeyPatch,
    elsewhere: bool,
) -> None:
    if not elsewhere:
        # As in a frozen program, which cannot start another interpreter.
        monkeypatch.setattr(sys, "frozen", True, raising=False)
    write(source, "[limits]\npublishers = 7\n")
    applied = await Reloading(server, source).reload()
    assert [change.key for change in applied.changes] == ["limits.publishers"]
    assert server.settings.limits.publishers == 7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[limits]\nsesions = 1\n", "limits.sesions: unknown key"),
        ("[limits\n", "headwater.toml"),
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        ("[server]\ntls_only = true\n", "tls_only"),
    ],
)
async def test_a_file_that_is_wrong_changes_nothing(
    server: RtspServer,
    source: SettingsSource,
    caplog: pytest.LogCaptureFixture,
    text: str,
    words: str,
) -> None:
    write(source, text)
    before = server.settings
    with pytest.raises(NotReloadedError, match=words):
        await Reloading(server, source).reload()
    assert server.settings == before
    assert REFUSED in events(caplog.records)


async def test_without_a_file_there_is_nothing_to_read(server: RtspServer) -> None:
    with pytest.raises(NotReloadedError, match="started without a configuration file"):
        await Reloading(server, SettingsSource()).reload()


async def test_a_reader_that_fails_is_told_with_its_last_words(
    server: RtspServer, source: SettingsSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloading, "_READER", "headwater.no_such_module")
    with pytest.raises(NotReloadedError, match=r"was not read: .*no_such_module"):
        await Reloading(server, source).reload()


async def test_a_reader_that_hangs_is_given_up(
    server: RtspServer, source: SettingsSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloading, "_READING_DEADLINE_S", 0.0)
    with pytest.raises(NotReloadedError, match="was not read within 0 s"):
        await Reloading(server, source).reload()


async def test_signals_that_come_meanwhile_are_one_more_reload(
    server: RtspServer,
    source: SettingsSource,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    certificates = 0
    begun = asyncio.Event()

    def count() -> None:
        nonlocal certificates
        certificates += 1
        begun.set()

    monkeypatch.setattr(server, "reload_certificates", count)
    write(source, "[limits]\npublishers = 7\n")
    caplog.set_level(logging.INFO)
    reloads = Reloading(server, source)
    tasks = asyncio.all_tasks()
    reloads.signalled()
    (following,) = asyncio.all_tasks() - tasks
    await begun.wait()
    for _ in range(3):
        reloads.signalled()
    await following
    assert certificates == 2
    assert server.settings.limits.publishers == 7
    # A file that is wrong is logged, and the next signal is followed all the same.
    write(source, "[limits\n")
    reloads.signalled()
    (following,) = asyncio.all_tasks() - tasks
    await following
    assert REFUSED in events(caplog.records)
    assert certificates == 3


async def test_a_reload_is_given_up_with_the_server(
    server: RtspServer, source: SettingsSource
) -> None:
    reloads = Reloading(server, source)
    await reloads.aclose()
    tasks = asyncio.all_tasks()
    reloads.signalled()
    (following,) = asyncio.all_tasks() - tasks
    await reloads.aclose()
    assert following.cancelled()
