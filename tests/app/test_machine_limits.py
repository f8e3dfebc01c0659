"""What the machine gives too little of is said once at the start, with what to raise."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from logged import event_of

from headwater import RtspServer, Settings
from headwater.app import machine_limits
from headwater.net.descriptor_limit import DescriptorLimit
from headwater.net.settings import SocketSettings

pytest.importorskip("resource", reason="limits of open files are of Unix")


def settings_asking(**sockets: int) -> Settings:
    return Settings(sockets=SocketSettings(**sockets))


def causes(caplog: pytest.LogCaptureFixture, message: str) -> list[str]:
    return [vars(record)["cause"] for record in caplog.records if event_of(record) == message]


def test_soft_limit_of_open_files_is_raised_at_the_start() -> None:
    # In a process of its own: the limit is the whole process's, and is never lowered again.
    code = (
        "import asyncio, resource\n"
        "from headwater import RtspServer\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, min(hard, 4096)))\n"
        "async def main():\n"
        "    async with RtspServer(host='127.0.0.1', publish_port=0):\n"
        "        print(*resource.getrlimit(resource.RLIMIT_NOFILE))\n"
        "asyncio.run(main())\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    soft, hard = ran.stdout.split()
    assert soft == hard
    assert "too few open files" in ran.stderr, "10,000 connections do not fit"


@pytest.mark.parametrize(
    ("asked", "allowed", "wanted"),
    [
        (0, 100_000, None),
        (0, 1_024, 20_064),
        (5_000, 1_024, 5_000),
        (5_000, 5_000, None),
        (0, 20_000, None),
    ],
)
def test_what_limits_may_need_is_held_against_what_is_allowed(
    asked: int,
    allowed: int,
    wanted: int | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(
        machine_limits,
        "raise_descriptor_limit",
        lambda wanted: DescriptorLimit(allowed=allowed, before=allowed, wanted=wanted),
    )
    machine_limits.look_at_machine(settings_asking(descriptor_limit=asked))
    said = causes(caplog, "too few open files")
    assert len(said) == (wanted is not None)
    assert all(f"{allowed} open files" in cause and f"{wanted}" in cause for cause in said)


@pytest.mark.parametrize(("level", "said"), [(logging.INFO, 0), (logging.DEBUG, 1)])
def test_few_files_less_than_all_limits_together_are_nothing_to_tell(
    level: int, said: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limit = DescriptorLimit(allowed=20_000, before=20_000, wanted=0)
    monkeypatch.setattr(machine_limits, "raise_descriptor_limit", lambda wanted: limit)
    with caplog.at_level(level):
        machine_limits.look_at_machine(Settings())
    assert len([r for r in caplog.records if "open files" in r.getMessage()]) == said


async def test_buffers_that_the_kernel_cuts_are_named_once_with_the_setting_to_raise(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # More than any kernel gives, root's included: the size is kept in a signed 32-bit number.
    huge = 2**31 - 1
    settings = settings_asking(udp_receive_buffer_bytes=huge, udp_send_buffer_bytes=huge)
    with caplog.at_level(logging.WARNING):
        async with RtspServer(host="127.0.0.1", publish_port=0, settings=settings):
            said = causes(caplog, "socket buffer too small")
    assert len(said) == 2
    assert "receive buffer" in said[0]
    assert "send buffer" in said[1]
    if sys.platform.startswith("linux"):
        assert "net.core.rmem_max" in said[0]
        assert "net.core.wmem_max" in said[1]
