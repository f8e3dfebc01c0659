"""A program of a source goes with its server, however that ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from headwater.sources.programs.program import Program

DEADLINE_S = 20.0
CHILD = """
import os, signal, socket, sys, time
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
held = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
os.fork()
held.send(b"x")
time.sleep(1000)
"""
HOST = """
import asyncio, os, sys
from headwater.sources.programs.program import Program

async def main():
    Program([sys.executable, "-c", *sys.argv[1:]], os.environ).start()
    await asyncio.sleep(1000)

asyncio.run(main())
"""
pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="the system has no groups")


@pytest.mark.parametrize("manner", ["polite", "stubborn"])
async def test_nothing_of_it_is_left_when_the_server_is_killed(manner: str) -> None:
    loop = asyncio.get_running_loop()
    # The writer too: CPython 3.13 closes the connection of one that is let go.
    held: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = loop.create_future()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.set_result((reader, writer))

    listener = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    host = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOST, CHILD, str(port), manner
    )
    async with asyncio.timeout(DEADLINE_S), listener:
        reader, writer = await held
        assert await reader.readexactly(2) == b"xx"
        host.send_signal(signal.SIGKILL)
        await host.wait()
        # The program and what it had started are gone once the connection ends, which both hold.
        assert await reader.read() == b""
        writer.close()


async def test_what_watches_over_it_goes_with_it() -> None:
    program = Program(["sh", "-c", "ps -o pid= --ppid $$ | wc -l; exit 7"], os.environ)
    program.start()
    async with asyncio.timeout(DEADLINE_S):
        assert await program.exited == 7
        await program.said_all()
        await program.end()
    # Its output has ended: nobody holds it any more, so that the reading thread is done.
    assert program._reader is not None
    assert not program._reader.is_alive()


async def test_its_standard_input_is_empty() -> None:
    program = Program(["wc", "-c"], os.environ)
    program.start()
    async with asyncio.timeout(DEADLINE_S):
        assert await program.exited == 0
        await program.said_all()
        await program.end()
    assert program.last_lines == ["0"]


@pytest.mark.parametrize("exists", [True, False])
async def test_what_is_no_program_is_named(exists: bool, tmp_path: Path) -> None:
    path = tmp_path / "no-program"
    if exists:
        path.write_text("text")
    expected = PermissionError if exists else FileNotFoundError
    with pytest.raises(expected) as caught:
        Program([str(path)], os.environ).start()
    assert caught.value.filename == str(path)
