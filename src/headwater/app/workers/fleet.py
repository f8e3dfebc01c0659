"""The supervisor's work: start workers, replace those that die, speak for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from headwater.app.cluster import share_registry
from headwater.app.others import Answers, Standing
from headwater.app.workers.answers_to_workers import AnswersToWorkers
from headwater.app.workers.fleet_ports import FleetPorts
from headwater.app.workers.kept_totals import KeptTotals
from headwater.app.workers.merged_status import merged_status, whole_status, worker_status
from headwater.app.workers.other_workers import gathered
from headwater.app.workers.spare_process import SpareProcess, Spawn, WorkerProcess
from headwater.app.workers.worker import WorkerOrder, WorkerPlace
from headwater.cluster.channel import Channel
from headwater.cluster.directory import Directory
from headwater.cluster.messages import (
    Accepted,
    Answer,
    Ask,
    AskRegistry,
    Beat,
    Counted,
    Order,
    PortTaken,
)
from headwater.cluster.questions import Questions
from headwater.config.applied import Applied
from headwater.config.difference import difference
from headwater.config.settings import Settings
from headwater.control.figures import ServerFigures
from headwater.control.server_state import ServerState
from headwater.control.status import Health, ServerStatus, SettingsStatus
from headwater.log_pace import paced_logger
from headwater.net.socket_address import Address
from headwater.net.steady_loop import SteadyLoop
from headwater.version import __version__

if TYPE_CHECKING:
    from headwater.cluster.node.shared_registry import SharedRegistry

logger = paced_logger(__name__)

_START_DEADLINE_S: Final = 30.0
_ANSWER_DEADLINE_S: Final = 30.0
_STATUS_DEADLINE_S: Final = 4.0
"""Less than whoever asks for a status waits."""
_STOP_ALLOWANCE_S: Final = 15.0
"""What a worker's stop may take on top of the drain."""
_SHORT_LIFE_S: Final = 5.0
_REST_S: Final = 1.0
"""A worker that dies right after its start is not started again at once."""
_LOOK_S: Final = 1.0
_SUMMED: Final = frozenset({"figures", "look", "status"})
"""Questions whose answers are summed."""


@dataclass(eq=False, slots=True)
class _Worker:
    place: WorkerPlace
    process: WorkerProcess
    channel: Channel
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    # The numbers of questions that it has not answered.
    asked: set[int] = field(default_factory=set)


class Fleet:
    """All workers of one server, seen from outside as one.

    Attributes:
        settings: what all go by.
        ports: those that all share, and the URLs on them.
        replaced: how many workers died and were replaced.
        answers: what workers ask of each other, and of us.
    """

    def __init__(self, settings: Settings, spawn: Spawn) -> None:
        self.settings = settings
        self.replaced = 0
        self._count = settings.workers.workers
        self._machine_key = secrets.token_bytes(32)
        self._loop = SteadyLoop(asyncio.get_running_loop())
        self.ports = FleetPorts(settings, self._loop, self._hand)
        self._directory = Directory(self._loop.time, hot_readers=settings.workers.hot_readers)
        self._totals = KeptTotals()
        self._registry: SharedRegistry | None = None
        self._questions = Questions()
        self.answers = AnswersToWorkers(self)
        self._answering: set[asyncio.Task[None]] = set()
        self._workers: dict[str, _Worker] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._spare = SpareProcess(spawn)
        self._state = ServerState.STARTING
        self._applied: SettingsStatus | None = None
        self._started_s = self._loop.time()

    # -- life

    async def start(self) -> None:
        """Hold the ports and start all workers.

        Raises OSError where a port is taken, ValueError where the settings cannot be for so many,
        RuntimeError where a worker does not start: its log says why.
        """
        await self.ports.hold(self.settings)
        # They say nothing before they serve, which takes seconds on a busy or a small machine.
        logger.info("starting workers", extra={"workers": self._count})
        self._loop.start()
        try:
            self._registry = share_registry(self.ports.resolved(self.settings))
            if self._registry is not None:
                self._registry.start()
            begun = [self._begin(self._place(number)) for number in range(self._count)]
            workers = await asyncio.gather(*begun)
            async with asyncio.timeout(_START_DEADLINE_S):
                await asyncio.gather(*(self._until_ready(worker) for worker in workers))
        except TimeoutError:
            await self.stop(0.0)
            raise RuntimeError(f"a worker did not start in {_START_DEADLINE_S:g} s") from None
        except BaseException:
            await self.stop(0.0)
            raise
        self._state = ServerState.RUNNING
        loop = asyncio.get_running_loop()
        self._keepers = [loop.create_task(self._keep(worker)) for worker in workers]
        self._keepers.append(loop.create_task(self._look()))
        self._keepers.append(loop.create_task(self._spare.keep()))
        pids = [worker.process.pid for worker in workers]
        logger.info("workers started", extra={"workers": self._count, "pids": pids})

    async def stop(self, drain_s: float) -> None:
        """Have all workers stop, and end those that do not; a second call does it at once."""
        drain_s = 0.0 if self._state is ServerState.DRAINING else drain_s
        self._state = ServerState.DRAINING
        workers = list(self._workers.values())
        for worker in workers:
            worker.channel.send(Order(0, "stop", drain_s))
        ends = [asyncio.ensure_future(worker.process.wait()) for worker in workers]
        if ends:
            await asyncio.wait(ends, timeout=drain_s + _STOP_ALLOWANCE_S)
        for worker in workers:
            worker.process.kill()
        await asyncio.gather(*ends)
        for keeper in self._keepers:
            keeper.cancel()
        for answering in self._answering:
            answering.cancel()
        await asyncio.gather(*self._keepers, *self._answering, return_exceptions=True)
        for worker in workers:
            worker.channel.close()
        await self._spare.end()
        if self._registry is not None:
            await self._registry.stop()
        self._questions.give_up(RuntimeError("the server stops"))
        self.ports.release()
        self._loop.stop()
        logger.info("server stopped")

    # -- what acts on all

    async def apply(self, settings: Settings) -> Applied:
        """Have all workers go by other settings; all of them, or none. Raises as `RtspServer`."""
        before, ports = self.settings, self.ports.by_name
        found = difference(before, settings)
        wanted = found.settings
        await self.ports.hold(wanted)
        done: list[_Worker] = []
        outcomes: list[Applied] = []
        try:
            for worker in tuple(self._workers.values()):
                outcomes.append(await self._order(worker, "apply", self.ports.resolved(wanted)))
                done.append(worker)
        except BaseException:
            self.ports.go_back(ports)
            for worker in done:
                with contextlib.suppress(Exception):
                    await self._order(worker, "apply", self.ports.resolved(before))
            raise
        self.settings = wanted
        self._directory.hot_readers = wanted.workers.hot_readers
        self.ports.go_by(wanted)
        stays = {change.key: change for each in outcomes for change in each.needs_restart}
        applied = Applied(
            changes=tuple(each for each in found.changes if each.key not in stays),
            needs_restart=(*found.needs_restart, *stays.values()),
            changed_mounts=tuple(
                dict.fromkeys(path for each in outcomes for path in each.changed_mounts)
            ),
            untouched_mounts=sum(each.untouched_mounts for each in outcomes),
        )
        keys = tuple(change.key for change in applied.needs_restart)
        self._applied = SettingsStatus(self._loop.time(), len(applied.changes), keys)
        return applied

    def reload_certificates(self) -> None:
        """Have all workers read the TLS files again."""
        for worker in self._workers.values():
            worker.channel.send(Order(0, "reload_certificates"))

    async def ask(
        self, question: str, argument: object, leaves_out: Collection[str] = (), only: str = ""
    ) -> Answers:
        """Ask workers; returns the answers of those that answer in time."""
        asked = {
            name: worker
            for name, worker in self._workers.items()
            if name not in leaves_out and only in {"", name}
        }
        told = await gathered(
            {
                name: asyncio.ensure_future(
                    self._order(worker, question, argument, _STATUS_DEADLINE_S)
                )
                for name, worker in asked.items()
            }
        )
        if question not in _SUMMED:
            return Answers(told)
        # What one counted that has ended since it answered is among that of the others.
        told = {name: told[name] for name in told if self._workers.get(name) is asked[name]}
        return Answers(told, self._totals.besides({*told, *leaves_out}))

    def standing(self) -> Standing:
        """Return what no worker knows."""
        age_s = self._loop.time() - self._started_s
        return Standing(self._state, age_s, self._applied, self.replaced, os.getpid())

    async def status(self) -> ServerStatus:
        """Return everything about all workers together."""
        answers = await self.ask("status", None)
        told: Mapping[str, ServerStatus] = answers.by_name
        if not told:
            raise RuntimeError("no worker answers")
        merged = merged_status([*told.values()], answers.totals)
        workers = (
            worker_status(name, status, status.mounts, len(status.sessions))
            for name, status in told.items()
        )
        return whole_status(merged, self.standing(), workers)

    def health(self) -> Health:
        """Return the little that a health command asks for, as the workers told it last."""
        counts = [self._directory.counts_of(name) for name in self._workers]
        return Health(
            version=__version__,
            state=self._state,
            uptime_s=self._loop.time() - self._started_s,
            mounts=len(self._directory.leases),
            sessions=sum(each.sessions for each in counts),
            connections=sum(each.connections for each in counts),
        )

    # -- workers

    def _hand(self, name: str, port: int, sock: socket.socket, peer: Address) -> None:
        worker = self._workers.get(name)
        if worker is None:
            sock.close()
        else:
            worker.channel.send(Accepted(port, peer), sock)

    def _place(self, number: int) -> WorkerPlace:
        return WorkerPlace(number, self._count, self._machine_key)

    async def _begin(self, place: WorkerPlace) -> _Worker:
        process, own = await self._spare.taken()
        name = place.name

        def receive(message: Any, sock: socket.socket | None) -> None:
            self._receive(worker, message, sock)

        channel = Channel(own, self._loop, receive, lambda: None)
        settings = self.ports.resolved(self.settings)
        channel.send(WorkerOrder(settings=settings, place=place, added=dict(self.answers.added)))
        worker = _Worker(place, process, channel)
        self._directory.join(name, channel.send)
        if self._registry is not None:
            self._registry.join(name, channel.send)
        self._workers[name] = worker
        return worker

    async def _until_ready(self, worker: _Worker) -> None:
        loop = asyncio.get_running_loop()
        ready = loop.create_task(worker.ready.wait())
        end = loop.create_task(worker.process.wait())
        try:
            await asyncio.wait({ready, end}, return_when=asyncio.FIRST_COMPLETED)
            if not worker.ready.is_set():
                raise RuntimeError(
                    f"{worker.place.name} ended with exit code {end.result()} at its start"
                )
        finally:
            ready.cancel()
            if not end.done():
                end.cancel()
            await asyncio.gather(ready, end, return_exceptions=True)

    async def _keep(self, worker: _Worker) -> None:
        """Wait for the end of a worker, and start another, as long as the server lives."""
        while True:
            begun_s = self._loop.time()
            code = await worker.process.wait()
            self._forget(worker)
            if self._state is not ServerState.RUNNING:
                return
            self.replaced += 1
            name = worker.place.name
            extra = {"worker": name, "pid": worker.process.pid, "cause": f"exit code {code}"}
            logger.error("worker died, another takes its place", extra=extra)
            rests = self._loop.time() - begun_s < _SHORT_LIFE_S
            while True:
                if rests:
                    await asyncio.sleep(_REST_S)
                try:
                    worker = await self._begin(worker.place)
                except OSError as error:
                    logger.error("worker not started", extra={"worker": name, "cause": str(error)})
                    rests = True
                else:
                    break

    def _forget(self, worker: _Worker) -> None:
        name = worker.place.name
        worker.channel.close()
        for number in tuple(worker.asked):
            self._questions.fail(number, RuntimeError(f"{name} has ended"))
        self._workers.pop(name, None)
        self._directory.leave(name)
        self._totals.leave(name)
        if self._registry is not None:
            self._registry.leave(name)
        self.ports.leave(name)

    async def _look(self) -> None:
        """Kill workers that are silent: frozen ones must not wake with what they had."""
        while True:
            await asyncio.sleep(_LOOK_S)
            for name in self._directory.silent():
                worker = self._workers.get(name)
                if worker is not None:
                    extra = {"worker": name, "pid": worker.process.pid}
                    logger.error("worker says nothing, it is killed", extra=extra)
                    worker.process.kill()

    def _receive(self, worker: _Worker, message: Any, sock: socket.socket | None) -> None:
        match message:
            case Answer(number, value, None):
                self._questions.answer(number, value)
            case Answer(number, _, error) if error is not None:
                self._questions.fail(number, error)
            case Ask():
                task = asyncio.get_running_loop().create_task(self._answer(worker, message))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
            case AskRegistry():
                if self._registry is not None:
                    self._registry.receive(worker.place.name, message)
            case Counted(totals):
                assert isinstance(totals, ServerFigures)  # noqa: S101 - by its name
                self._totals.note(worker.place.name, totals)
            case PortTaken(port, takes):
                self.ports.takes(worker.place.name, port, takes=takes)
            case _:
                if isinstance(message, Beat):
                    worker.ready.set()
                self._directory.receive(worker.place.name, message, sock)

    async def _answer(self, worker: _Worker, asked: Ask) -> None:
        worker.channel.send(await self.answers.told(worker.place.name, asked))

    async def _order(
        self, worker: _Worker, name: str, argument: object, deadline_s: float = _ANSWER_DEADLINE_S
    ) -> Any:
        number, answer = self._questions.new(deadline_s)
        worker.asked.add(number)
        worker.channel.send(Order(number, name, argument))
        try:
            return await answer
        except TimeoutError:
            raise RuntimeError(f"{worker.place.name} does not answer") from None
        finally:
            worker.asked.discard(number)
