"""A worker's part in the name space: claims, finds, pulls, and what it passes on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

from headwater.cluster.bus.receiving import BusPublisher
from headwater.cluster.bus.sending import (
    BUS_ID,
    DOWN,
    TOO_SLOW,
    BusReader,
    begin_sending,
    refuse_sending,
)
from headwater.cluster.handed_ports import HandedPorts
from headwater.cluster.leases import Tenure
from headwater.cluster.messages import (
    Accepted,
    Claim,
    Claimed,
    Connect,
    Find,
    Found,
    Lost,
    PortTaken,
    PublisherUp,
    Release,
    Take,
    ToSupervisor,
    ToWorker,
)
from headwater.cluster.patience import Outlook, patiently
from headwater.cluster.pulls import OnEnded, Pulls
from headwater.cluster.questions import Questions
from headwater.cluster.settings import WorkerSettings
from headwater.log_pace import paced_logger
from headwater.media.errors import MountBusy
from headwater.media.mount import Mount
from headwater.media.observer import MountObserver, ObservedMount
from headwater.media.publisher import Publisher
from headwater.net.event_loop import EventLoop
from headwater.net.tcp_listener import OnConnection, PortListener, TcpListener
from headwater.relay.end import End
from headwater.relay.errors import LimitReached, NotHere, SourceDown, SourceTooSlow
from headwater.relay.finding import Wanted
from headwater.relay.relay import Relay
from headwater.side import Side

logger = paced_logger(__name__)

_ANSWER_DEADLINE_S: Final = 3.0
_OPENING_DEADLINE_S: Final = 3.0
_TRIES: Final = 5
_NO_EPOCH: Final = 0
"""Of no claim: the path is to be fetched."""
_TRY_AGAIN_S: Final = 0.1
"""A publisher that comes back at once may be faster than the news of its end."""

Tell = Callable[[ToSupervisor, socket.socket | None], None]


class Member(MountObserver):
    """The name space as one worker sees it.

    It is the `NameSpace` of its relay, watches its mounts, and is asked first for those that are
    not here.
    """

    shares_ports = True

    def __init__(
        self,
        name: str,
        relay: Relay,
        tell: Tell,
        settings: WorkerSettings,
        fetcher_of: Callable[[str], str],
        session_mark: str = "",
    ) -> None:
        """`tell` says something to the supervisor, whose words go to `receive`.

        `fetcher_of` names the worker that fetches the source of a path.
        """
        self.name = name
        self.session_mark = session_mark
        self.passes_on = settings.hot_readers > 0
        """Whether connections go to the worker of their mount; may be changed at any time."""
        self.handed_ports: HandedPorts | None = None
        """The ports where the supervisor accepts; None where this process listens itself."""
        if settings.supervisor_accepts:
            self.handed_ports = HandedPorts(lambda port, takes: tell(PortTaken(port, takes), None))
        self._fetcher_of = fetcher_of
        self._relay = relay
        self._tell = tell
        self._questions = Questions()
        # By the publisher's id: what it has claimed.
        self._tenures: dict[str, Tenure] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending: dict[BusReader, Tenure] = {}
        self.bus = Pulls(
            relay,
            self._holder_of,
            self._pull_from,
            linger_s=settings.linger_s,
            opening_deadline_s=_OPENING_DEADLINE_S,
        )

    # -- what the relay asks and tells

    def listener(
        self, loop: EventLoop, on_connection: OnConnection, *, backlog: int, overload_answer: bytes
    ) -> PortListener:
        """Share the port with the other workers."""
        if self.handed_ports is not None:
            return self.handed_ports.listener(on_connection)
        return TcpListener(
            loop,
            on_connection,
            backlog=backlog,
            overload_answer=overload_answer,
            shares_port=True,
        )

    def claim(self, end: End, *, replaces: bool) -> Awaitable[None] | None:
        """Have the path for a publisher on all workers."""
        return self._claim(end.id, end.path, lambda: end.closed, replaces=replaces)

    def publisher_started(self, mount: ObservedMount, publisher: Publisher) -> None:
        """Tell that the path is filled; claim it now where that was not done before."""
        if publisher.id.startswith(BUS_ID):
            return
        tenure = self._tenures.get(publisher.id)
        if tenure is not None:
            self._tell(Take(tenure), None)
            return
        self._do(self._claim_late(mount.path, publisher.id))

    def publisher_stopped(self, mount: ObservedMount, publisher: Publisher, reason: str) -> None:  # noqa: ARG002
        """End the publisher's claim."""
        self.give_back(publisher.id)

    def give_back(self, publisher_id: str) -> None:
        """End a publisher's claim, and what others pull by it."""
        tenure = self._tenures.pop(publisher_id, None)
        if tenure is None:
            return
        self._tell(Release(tenure), None)
        for reader in [each for each, sent in self._sending.items() if sent == tenure]:
            reader.end("publisher left")

    def fetches(self, path: str) -> bool:
        """Return whether this worker is the one to fetch the source of a path."""
        return self._fetcher_of(path) == self.name

    def resolves(self, path: str) -> bool:
        """Return whether this worker asks the hook for the source of a path: who would fetch it."""
        return self.fetches(path)

    async def may_fetch(self, path: str) -> bool:
        """Return whether this worker is the one to fetch the source of a path."""
        return self.fetches(path)

    def pulls(self, path: str) -> bool:
        """Return whether the mount of a path is taken from another worker."""
        return self.bus.has(path)

    async def find(self, wanted: Wanted) -> Mount | None:
        """Bring a mount from the worker that has it, or that fetches its source.

        A reader waits for a worker that is to fetch it and begins. Raises SourceDown,
        SourceTooSlow.
        """
        return await patiently(wanted.path, lambda looks: self._look_for(wanted, looks))

    # -- what the server asks

    async def place_of(self, path: str, side: Side) -> str | None:
        """Return the worker that takes a connection for this path; None where it stays here."""
        is_here = side is Side.PLAY and self._relay.mounts.get(path) is not None
        if not self.passes_on or is_here:
            return None
        return (await self._find(path, passes_on=side)).passes_on_to

    # -- what the supervisor says

    def receive(self, message: ToWorker, sock: socket.socket | None) -> None:
        """Take what the supervisor says of paths."""
        match message:
            case Claimed(number, tenure):
                if not self._questions.answer(number, tenure) and tenure is not None:
                    # The connection was lost, or the deadline, while this was on its way.
                    self._tell(Release(tenure), None)
            case Found(number):
                self._questions.answer(number, message)
            case Lost(tenure):
                self._lose(tenure)
            case PublisherUp(tenure):
                self.bus.publisher_up(tenure)
            case Accepted(port, peer) if sock is not None and self.handed_ports is not None:
                self.handed_ports.give(port, sock, peer)
            case Connect(tenure, None) if sock is not None and tenure.epoch != _NO_EPOCH:
                self._send_on(tenure, sock)
            case Connect(tenure, wanted) if sock is not None:
                self._do(self._fetch_for(tenure, wanted, sock))
            case _:
                raise AssertionError(f"{type(message).__name__} is for another part of a worker")

    def supervisor_gone(self) -> None:
        """Wait for no answer any more."""
        self._questions.give_up(MountBusy("the supervisor is gone"))

    def stop(self) -> None:
        """Ask and pull nothing more."""
        for task in tuple(self._tasks):
            task.cancel()
        self._questions.give_up(MountBusy("the server stops"))
        self.bus.stop()

    # -- claims

    async def _claim(
        self,
        publisher_id: str,
        path: str,
        is_gone: Callable[[], bool],
        *,
        replaces: bool,
        yields: bool = False,
    ) -> None:
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(_TRY_AGAIN_S)
            tenure = await self._claimed(path, replaces=replaces, yields=yields)
            if tenure is None:
                continue
            if is_gone():
                self._tell(Release(tenure), None)
                raise MountBusy(f"the publisher of {path} is gone")
            self._tenures[publisher_id] = tenure
            self._leave_bus(path)
            return
        raise MountBusy(f"{path} has a publisher already")

    async def _claimed(self, path: str, *, replaces: bool, yields: bool) -> Tenure | None:
        number, answer = self._questions.new(_ANSWER_DEADLINE_S)
        self._tell(Claim(number, path, replaces, yields), None)
        try:
            tenure: Tenure | None = await answer
        except TimeoutError:
            raise MountBusy(f"nobody could say whether {path} is free") from None
        return tenure

    async def _claim_late(self, path: str, publisher_id: str, *, yields: bool = False) -> None:
        """Claim for a publisher that could not wait for it, such as one of a program."""

        def is_gone() -> bool:
            return not self._relay.mounts.is_filled_by(path, publisher_id)

        try:
            await self._claim(publisher_id, path, is_gone, replaces=False, yields=yields)
        except MountBusy as error:
            self._end_publisher(path, publisher_id, str(error))
        else:
            self._tell(Take(self._tenures[publisher_id]), None)

    def _lose(self, tenure: Tenure) -> None:
        for publisher_id, own in tuple(self._tenures.items()):
            if own == tenure:
                self._end_publisher(tenure.path, publisher_id, "replaced by another publisher")

    def _leave_bus(self, path: str) -> None:
        """Take a path from no other worker, since it was given to a publisher here."""
        self.bus.leave(path)

    def _end_publisher(self, path: str, publisher_id: str, reason: str) -> None:  # noqa: ARG002
        """End a publisher here whose path another one has."""
        self._relay.close_by_id(publisher_id, reason)

    # -- finding, and the bus

    async def _look_for(self, wanted: Wanted, looks: int) -> Mount | Outlook | None:
        mount = await self._brought(wanted)
        if mount is None and await self._is_awaited(wanted.path, looks):
            return Outlook.COMING
        return mount

    async def _brought(self, wanted: Wanted) -> Mount | None:
        """Return the mount of a path that is here, or that another worker sends by now."""
        present = self._relay.mounts.get(wanted.path)
        return await self.bus.bring(wanted.path, wanted) if present is None else present

    async def _is_awaited(self, path: str, looks: int) -> bool:  # noqa: ARG002 - of a node
        """Return whether another worker is to fetch a path, which did not come after some looks."""
        return self._relay.reservations.is_kept(path) and self._fetcher_of(path) != self.name

    async def _find(self, path: str, *, passes_on: Side | None = None) -> Found:
        number, answer = self._questions.new(_ANSWER_DEADLINE_S)
        self._tell(Find(number, path, passes_on), None)
        try:
            found: Found = await answer
        except (TimeoutError, MountBusy):
            return Found(number, None)
        return found

    async def _holder_of(self, path: str, wanted: Wanted | None) -> Tenure | None:
        tenure = (await self._find(path)).tenure
        if tenure is None and await self._can_be_fetched(path, wanted):
            tenure = Tenure(path, self._fetcher_of(path), _NO_EPOCH)
        return None if tenure is None or tenure.holder == self.name else tenure

    async def _can_be_fetched(self, path: str, wanted: Wanted | None) -> bool:
        """Return whether a path that nobody fills can be had from who fetches its source."""
        return wanted is not None and self._relay.reservations.is_kept(path)

    async def _fetched(self, path: str, wanted: Wanted | None) -> Mount | None:
        """Return the mount of a path that this worker is the one to fetch."""
        if wanted is None:
            return self._relay.mounts.get(path)
        return await self._relay.finding.find(wanted)

    def _pull_from(self, tenure: Tenure, wanted: Wanted | None, on_ended: OnEnded) -> BusPublisher:
        own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        publisher = BusPublisher(self._relay, tenure, own, on_ended)
        self._tell(Connect(tenure, wanted), other)
        return publisher

    async def _fetch_for(self, asked: Tenure, wanted: Wanted | None, sock: socket.socket) -> None:
        """Fetch the source of a path for a reader at another worker, and send that the mount."""
        try:
            mount = await self._fetched(asked.path, wanted)
        except SourceTooSlow:
            refuse_sending(sock, TOO_SLOW)
            return
        except (SourceDown, LimitReached):
            refuse_sending(sock, DOWN)
            return
        except BaseException as error:
            sock.close()
            if isinstance(error, NotHere):
                return
            raise
        publisher = None if mount is None else mount.publisher
        # The source has filled its mount just now, and its claim is on the way.
        for _ in range(_TRIES):
            if publisher is None or publisher.id in self._tenures:
                break
            await asyncio.sleep(_TRY_AGAIN_S)
        own = None if publisher is None else self._tenures.get(publisher.id)
        self._send_on(asked if own is None else replace(asked, epoch=own.epoch), sock)

    def _send_on(self, asked: Tenure, sock: socket.socket) -> None:
        """Send a mount to the worker that asks for it, if it is filled here by that very claim."""
        mount = self._relay.mounts.get(asked.path)
        publisher = None if mount is None else mount.publisher
        own = None if publisher is None else self._tenures.get(publisher.id)
        if mount is None or own is None or own.epoch != asked.epoch:
            # One hop only: what is pulled here is sent to nobody.
            sock.close()
            return
        reader = begin_sending(self._relay, mount, own, sock, asked.holder, self._forget)
        if reader is not None:
            self._sending[reader] = own

    def _forget(self, reader: BusReader) -> None:
        self._sending.pop(reader, None)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
