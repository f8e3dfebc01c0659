"""The run: rounds of random steps, checks between them, and a verdict."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import time
from collections import Counter, deque
from functools import partial
from pathlib import Path

from fuzz.live.bounds import Facts, excess, kept
from fuzz.live.manners import possible
from fuzz.live.peer import Peer, Shared
from fuzz.live.server import ServerProcess
from fuzz.live.sinks import Sinks
from fuzz.live.steps import METHODS, Steps
from fuzz.live.witnesses import (
    CountingReader,
    decoded,
    reader_trouble,
    start_publisher,
    start_reader,
)
from fuzz.registry import WORK

STEPS_A_ROUND = 96
CHECK_EVERY_ROUNDS = 50
ANSWER_DEADLINE_S = 20.0
"""Far beyond what an answer takes, for machines that do much else."""
SETTLE_DEADLINE_S = 30.0
JOURNAL_STEPS = 3_000
LONG_S = 20.0
"""Behind a run as long as this, everything that peers are there for has happened."""
DEAF_ROUNDS = 100
"""How long a peer that reads nothing stays."""
SHOWN_COUNTS = (
    *("slowest_check_ms", "frames_received", "pictures_decoded", "packets_counted"),
    *("most_waited_s", "answers", "kinds"),
)
KNOWN = (*(f"{method} " for method in METHODS), "frames: ")


def fuzz_server(*, seconds: float, steps: int | None, seed: int) -> bool:
    """Fuzz a server of our own for a time, or for so many steps; True when anything was found.

    An even seed takes a server with tight limits, an odd one a roomy server.
    """
    folder = WORK / "live"
    folder.mkdir(parents=True, exist_ok=True)
    with ServerProcess(folder / "server.log", tight=seed % 2 == 0) as server:
        run = LiveRun(server, seed, folder)
        try:
            import uvloop
        except ImportError:
            asyncio.run(run.all(seconds, steps))
        else:
            uvloop.run(run.all(seconds, steps))
        found = run.verdict()
        code = server.stop()
        if code:
            found.append(f"the server's exit code is {code}")
    for finding in found[:20]:
        print(f"FINDING {finding}", flush=True)
    if found:
        (folder / f"finding-{seed}.txt").write_text("\n".join((*found, "", *run.journal)))
    run.report(len(found))
    return bool(found)


def _same(peer: Peer) -> Peer:
    return peer


class LiveRun:
    """One server, its witnesses, and the peers that try it."""

    def __init__(self, server: ServerProcess, seed: int, folder: Path) -> None:
        self.journal: deque[str] = deque(maxlen=JOURNAL_STEPS)
        self._server = server
        self._seed = seed
        self._folder = folder
        self._shared = Shared()
        self._steps_done = 0
        self._rounds = 0
        self._kinds: Counter[str] = Counter()
        self._deaf: deque[tuple[int, Peer]] = deque()
        self._slowest_s = 0.0
        self._began_s = time.monotonic()
        self._ended_s = self._began_s
        self._sinks = Sinks()
        self._base = server.facts()
        self._manners = possible(server.port)
        self._last: Facts = {}
        self._most_waited_s = 0.0
        self._pictures = 0
        self._counted = 0

    async def all(self, seconds: float, steps: int | None) -> None:
        """Start the witnesses, run the steps, let everybody go."""
        url = f"rtsp://127.0.0.1:{self._server.port}/witness"
        publisher = reader = None
        counting = CountingReader(url)
        if shutil.which("ffmpeg"):
            publisher = start_publisher(url, self._folder / "publisher.log")
            await self._wait_for_mount()
            frames, log = self._folder / "frames.txt", self._folder / "reader.log"
            frames.unlink(missing_ok=True)
            reader = start_reader(url, frames, log)
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: counting, "127.0.0.1", self._server.port)
            await asyncio.wait_for(counting.playing.wait(), ANSWER_DEADLINE_S)
            while not decoded(frames) and reader.poll() is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        else:
            print("ffmpeg is not installed: no publisher and no reader beside the fuzz")
        try:
            await self._rounds_until(seconds, steps, counting)
        finally:
            self._ended_s = time.monotonic()
            self._stop_witnesses(publisher, reader, counting)
            self._sinks.close()

    async def _rounds_until(
        self, seconds: float, steps: int | None, counting: CountingReader
    ) -> None:
        self._sinks.open()
        base = f"rtsp://127.0.0.1:{self._server.port}"
        maker = Steps(self._seed, base, self._shared, self._sinks.rtp_ports)
        maker.send_udp = self._sinks.send
        peers = [
            Peer(f"peer {index}", self._shared, manner)
            for index, manner in enumerate(self._manners)
        ]
        self._began_s = time.monotonic()
        while not self._shared.findings:
            if steps is None and time.monotonic() - self._began_s > seconds:
                break
            if steps is not None and self._steps_done >= steps:
                break
            await self._round(maker, peers)
            self._rounds += 1
            if self._rounds % CHECK_EVERY_ROUNDS == 0:
                await self._check(counting)
        await self._check(counting)
        if time.monotonic() - self._began_s > LONG_S:
            self._check_that_all_was_tried()
        for peer in (*peers, *(peer for _, peer in self._deaf)):
            peer.abort()

    async def _round(self, maker: Steps, peers: list[Peer]) -> None:
        loop = asyncio.get_running_loop()
        draw = random.Random(self._seed << 33 | self._rounds)
        plan = [draw.randrange(len(peers)) for _ in range(STEPS_A_ROUND)]
        port = self._server.port
        outs: dict[int, list[bytes]] = {}
        ended: dict[int, str] = {}
        for index in plan:
            while index in ended:
                # Its connection is being ended in this round; a new one comes with the next.
                index = (index + 1) % len(peers)
            peer = peers[index]
            self._steps_done += 1
            if peer.transport is None:
                # What was meant for its last connection, or comes from there, is not the next's.
                outs[index] = [peer.manner.proxy_header]
                peer = peers[index] = Peer(peer.name, self._shared, peer.manner)
                sock = peer.manner.connect(port)
                await loop.create_connection(partial(_same, peer), sock=sock)
                peer.hold_back()
            out = outs.setdefault(index, [])
            what = maker.take(self._steps_done, peer, out)
            self.journal.append(f"{self._steps_done} {peer.name}: {what}")
            self._kinds[what.split()[0] if what.startswith(KNOWN) else what] += 1
            if what.endswith(("end", "abort", "deaf")):
                ended[index] = what
        for index, out in outs.items():
            self._send(peers[index], out, ended.get(index, ""), in_pieces=draw.random() < 0.1)
            if ended.get(index) == "deaf" and peers[index].is_waited_for:
                self._deaf.append((self._rounds + DEAF_ROUNDS, peers[index]))
                peers[index] = Peer(peers[index].name, self._shared, peers[index].manner)
        for peer in peers:
            peer.sip()
        while self._deaf and self._deaf[0][0] <= self._rounds:
            self._deaf.popleft()[1].abort()
        try:
            await asyncio.wait_for(self._quiet(), ANSWER_DEADLINE_S)
        except TimeoutError:
            waiting = [f"{peer.name}: {peer.asked[:3]}" for peer in peers if peer.asked]
            ending = [peer.name for peer in peers if peer.ending]
            self._find(f"no answer in time: {waiting}; no end in time: {ending}")

    def _send(self, peer: Peer, out: list[bytes], how: str, *, in_pieces: bool) -> None:
        transport = peer.transport
        if transport is None:
            return
        if in_pieces:
            whole = b"".join(out)
            middle = len(whole) // 2
            out = [whole[:middle], whole[middle:]]
            for piece in out:
                transport.write(piece)
        else:
            transport.write(b"".join(out))
        if how.endswith("abort"):
            peer.abort()
        elif how == "deaf":
            peer.go_deaf()
        elif how:
            peer.end()

    async def _quiet(self) -> None:
        while self._shared.waiting:
            await self._shared.quiet.wait()

    async def _check(self, counting: CountingReader) -> None:
        """Between rounds: the server answers, logs nothing bad, and the witness misses nothing."""
        began = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        writer.write(b"OPTIONS * RTSP/1.0\r\nCSeq: 77\r\n\r\n")
        try:
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), ANSWER_DEADLINE_S)
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            self._find(f"OPTIONS was not answered: {error!r}")
        else:
            if not answer.startswith(b"RTSP/1.0 200 ") or b"\r\nCSeq: 77\r\n" not in answer:
                self._find(f"OPTIONS was answered {answer!r}")
        writer.transport.abort()
        self._slowest_s = max(self._slowest_s, time.monotonic() - began)
        counting.keep_alive()
        if not self._server.alive:
            self._find("the server is gone")
        if trouble := self._server.trouble():
            self._find(f"the server's log:\n{trouble}")
        if counting.trouble:
            self._find(counting.trouble)
        if self._server.alive:
            self._last = self._server.facts()
            self._most_waited_s = max(self._most_waited_s, self._last["oldest_queued_s"])
            for beyond in excess(self._last):
                self._find(beyond)

    def _check_that_all_was_tried(self) -> None:
        if (
            any(manner.is_of_other_family for manner in self._manners)
            and not (self._shared.answers["SETUP behind PROXY", 461])
        ):
            self._find("no peer of the other address family was refused UDP")
        if not self._last["stalled"]:
            self._find("no peer was closed that reads nothing or too little")

    def verdict(self) -> list[str]:
        """Everything that was found, after everything was let go."""
        found = list(dict.fromkeys(self._shared.findings))
        if not self._server.alive:
            return found
        self._last = self._server.facts_after(self._base, SETTLE_DEADLINE_S)
        found += kept(self._base, self._last)
        if trouble := self._server.trouble():
            found.append(trouble)
        return found

    def report(self, findings: int) -> None:
        """Print the counts, and keep them."""
        took_s = self._ended_s - self._began_s
        counts = {
            "seed": self._seed,
            "ended": time.time(),
            "steps": self._steps_done,
            "seconds": round(took_s, 1),
            "findings": findings,
            "slowest_check_ms": round(1000 * self._slowest_s, 1),
            "most_waited_s": round(self._most_waited_s, 1),
            "pictures_decoded": self._pictures,
            "packets_counted": self._counted,
            "frames_received": self._shared.frames,
            "server": self._last,
            "answers": {
                f"{method} {status}": count
                for (method, status), count in sorted(self._shared.answers.items())
            },
            "kinds": dict(self._kinds.most_common()),
        }
        with (WORK / "live.jsonl").open("a") as log:
            log.write(json.dumps(counts) + "\n")
        rate = self._steps_done / took_s
        print(f"{'live server':22} {self._steps_done:>12,} {rate:>9,.0f}/s  {findings} findings")
        for name in SHOWN_COUNTS:
            print(f"  {name}: {counts[name]}")
        print(f"  server: {self._last}", flush=True)

    def _find(self, what: str) -> None:
        self._shared.findings.append(f"step {self._steps_done}: {what}")

    async def _wait_for_mount(self) -> None:
        until = time.monotonic() + 2 * ANSWER_DEADLINE_S
        while not self._server.facts()["mounts"]:
            if time.monotonic() > until:
                raise RuntimeError(f"the publisher did not come; logs are in {self._folder}")
            await asyncio.sleep(0.1)

    def _stop_witnesses(
        self,
        publisher: subprocess.Popen[bytes] | None,
        reader: subprocess.Popen[bytes] | None,
        counting: CountingReader,
    ) -> None:
        for process, name in ((publisher, "publisher"), (reader, "reader")):
            if process is not None and process.poll() is not None:
                self._find(f"the {name} ended by itself with {process.returncode}")
        counting.close()
        self._counted = counting.packets
        if reader is not None:
            reader.communicate(b"q", timeout=SETTLE_DEADLINE_S)
            self._pictures, trouble = reader_trouble(
                self._folder / "frames.txt", self._folder / "reader.log"
            )
            if trouble:
                self._find(trouble)
        if publisher is not None:
            publisher.terminate()
            publisher.wait(SETTLE_DEADLINE_S)
