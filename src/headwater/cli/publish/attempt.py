"""One run of the sending process, seen from outside: its reports, its silence, its end."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Final

from headwater.cli.publish.order import PublishOrder
from headwater.libav.remux.interpreter import interpreter_options
from headwater.libav.remux.reports import Ended, Progress, Report, read_report
from headwater.libav.remux.urls import without_secrets

SILENCE_S: Final = 40.0
"""How long the process may say nothing. libav's own time-outs, 10 and 15 s a step, come first;
announcing is four requests, of which each may take 10 s."""
_END_S: Final = 2.0
_ERROR_BYTES: Final = 4_096


class Attempt:
    """A sending process, from its start to its end.

    `on_progress` is called on the loop with each report. `ended` has the outcome: None when it was
    told to stop.
    """

    def __init__(
        self,
        order: PublishOrder,
        on_progress: Callable[[Progress], None],
        *,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._order = order
        self._on_progress = on_progress
        self._silence_s = silence_s
        self._loop = asyncio.get_running_loop()
        self._reports: asyncio.Queue[Report | None] = asyncio.Queue()
        self._errors = b""
        self.progress = Progress()

    async def run(self, stop_asked: asyncio.Event) -> Ended | None:
        """Send until the process ends, or is ended for its silence; None when asked to stop."""
        process = self._start()
        reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        complainer = threading.Thread(target=self._read_errors, args=(process,), daemon=True)
        reader.start()
        complainer.start()
        stop = self._loop.create_task(stop_asked.wait())
        watch = self._loop.create_task(self._watch())
        try:
            await asyncio.wait({stop, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not watch.done():
                return None
            return watch.result() or await self._unexplained(process, complainer)
        finally:
            for task in (stop, watch):
                task.cancel()
            await asyncio.to_thread(_end, process)

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 (this program)
            [sys.executable, *interpreter_options(), "-m", "headwater.libav.remux.sender"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Ctrl-C in the terminal is for this process, which ends the other.
            start_new_session=True,
        )
        order = self._order
        fields = {
            "source": order.source,
            "url": order.url,
            "transport": order.transport,
            "loop": order.loop,
        }
        if process.stdin is not None:
            process.stdin.write(json.dumps(fields).encode() + b"\n")
            process.stdin.flush()
        return process

    async def _watch(self) -> Ended | None:
        """Return the last report; None when the process ended without one."""
        while True:
            try:
                async with asyncio.timeout(self._silence_s):
                    report = await self._reports.get()
            except TimeoutError:
                step = self.progress.step or "starting"
                return Ended(failure=f"{step}: nothing moved for {self._silence_s:.0f} s")
            if not isinstance(report, Progress):
                return report
            self.progress = report
            self._on_progress(report)

    async def _unexplained(
        self, process: subprocess.Popen[bytes], complainer: threading.Thread
    ) -> Ended:
        """Return the end of a process that did not say why: a signal, a fault of a library."""
        code = await asyncio.to_thread(process.wait)
        await asyncio.to_thread(complainer.join)
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        last = self._errors.decode(errors="replace").strip().rpartition("\n")[2]
        said = f": {without_secrets(last, self._order.source, self._order.url)}" if last else ""
        return Ended(failure=f"the sending process ended {how}{said}")

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        for line in process.stdout or ():
            self._tell(read_report(line.decode(errors="replace")))
        self._tell(None, last=True)

    def _tell(self, report: Report | None, *, last: bool = False) -> None:
        if report is None and not last:
            return
        try:
            self._loop.call_soon_threadsafe(self._reports.put_nowait, report)
        except RuntimeError:
            return  # the loop is closed: nobody listens any more

    def _read_errors(self, process: subprocess.Popen[bytes]) -> None:
        for line in process.stderr or ():
            self._errors = (self._errors + line)[-_ERROR_BYTES:]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process: asked, so that it closes its session, then by force."""
    process.terminate()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()
