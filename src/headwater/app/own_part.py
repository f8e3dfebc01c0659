"""What one process knows for the API, and does for it; of several workers each has a part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from headwater.app.callouts import CalloutsInUse
from headwater.app.own_events import OwnEvents
from headwater.app.status_report import StatusReport, mount_figures, mount_steps
from headwater.client.forwarding.forwards import Forwards
from headwater.client.forwarding.snapshot import ForwardSnapshot
from headwater.config.applied import Applied
from headwater.control.board.look import BoardLook
from headwater.control.figures import MountFigures, ServerFigures, Timed
from headwater.control.lists import ListWanted, Part, SeenSession, part_of
from headwater.control.loop_lag import LoopLag
from headwater.control.recent_lines import LogLine, RecentLines
from headwater.control.status import ServerStatus
from headwater.control.turns import in_turns
from headwater.log_pace import PACE
from headwater.media.clock import Timer
from headwater.media.snapshot import MountSnapshot
from headwater.relay.end import End, SessionSnapshot
from headwater.relay.end_order import EndOrder
from headwater.relay.relay import Relay
from headwater.side import Side
from headwater.sources.plan import PlannedSource
from headwater.sources.snapshot import SourceSnapshot
from headwater.sources.source_table import SourceTable

Question = Callable[[Any], Awaitable[Any]]

_LOOKED_AT_ONCE: Final = 512
_SHOWN_AT_ONCE: Final = 32
_CLOSED_AT_ONCE: Final = 32
"""Sessions that are looked at, shown and closed between two pauses."""
_ORDER_KEPT_S: Final = 10.0


class SeenServer(Protocol):
    """The parts of a running server that are read here."""

    relay: Relay
    report: StatusReport
    forwards: Forwards
    sources: SourceTable
    callouts: CalloutsInUse
    on_reload: Callable[[], Awaitable[Applied]] | None


@dataclass(frozen=True, slots=True)
class ToClose:
    """What to close, and the reason that its peers are told."""

    reason: str
    path: str = ""
    session: str = ""
    wanted: ListWanted | None = None


@dataclass(frozen=True, slots=True)
class ClosedSession:
    """A session that was closed, for the log."""

    id: str
    path: str


@dataclass(frozen=True, slots=True)
class LogPart:
    """Lines of one process's log, and the number of its last one."""

    number: int
    lines: tuple[LogLine, ...]


@dataclass(frozen=True, slots=True)
class SourceChange:
    """What a path is to be filled from; None: from nothing."""

    path: str
    planned: PlannedSource | None


class OwnPart:
    """Reads the parts of one server and calls the few that act.

    Every method of `questions` takes one argument and is awaited, so that another process can ask
    it as this one does.

    Attributes:
        lag: how late the loop is, once somebody has asked for figures.
        recent_lines: the end of its log, since `keep_log`.
        on_told: called with each status that is told.
    """

    def __init__(self, running: SeenServer) -> None:
        self._running = running
        relay = running.relay
        self.lag = LoopLag(relay.loop)
        self.recent_lines = RecentLines()
        self.on_told: Callable[[ServerStatus], None] = lambda _: None
        self._measures = self._keeps_log = False
        self._events = OwnEvents(relay)
        self._order_timer: Timer | None = None
        self._order_asked = False

    @property
    def questions(self) -> Mapping[str, Question]:
        """What can be asked, by name."""
        return {
            "figures": self.figures,
            "look": self.look,
            "mount_paths": self.mount_paths,
            "mount_figures": self.mount_figures,
            "mount": self.mount,
            "sessions": self.sessions,
            "session": self.session,
            "sources": self.sources,
            "source": self.source,
            "forwards": self.forwards,
            "log_after": self.log_after,
            "events": self._events.next,
            "close_session": self.close_session,
            "close_sessions": self.close_sessions,
            "close_mount": self.close_mount,
            "set_source": self.set_source,
            "set_sources": self.set_sources,
            "reload_certificates": self.reload_certificates,
        }

    def keep_log(self) -> None:
        """Begin to keep the last lines of the log."""
        if not self._keeps_log:
            self._keeps_log = True
            PACE.listeners.append(self.recent_lines.note)

    def stop(self) -> None:
        """Keep and measure nothing more; a second call does nothing."""
        if self._order_timer is not None:
            self._order_timer.cancel()
            self._order_timer = None
        self._events.stop()
        self.lag.stop()
        if self._keeps_log:
            self._keeps_log = False
            PACE.listeners.remove(self.recent_lines.note)

    # -- what is seen

    @property
    def turnover(self) -> tuple[int, int, int]:
        """Numbers of which one differs once a session or a mount has come or gone."""
        relay = self._running.relay
        return relay.counters.sessions_opened, len(relay.ends), len(relay.mounts)

    async def figures(self, _: object = None) -> ServerFigures:
        """Read all that is counted."""
        running = self._running
        if not self._measures:
            # From the first time on that somebody wants to know: it takes time itself.
            self._measures = True
            self.lag.start()
            running.relay.start_timings()
        figures = await in_turns(running.report.figures())
        self.on_told(figures.status)
        timed = tuple(self.timed())
        return replace(figures, timed=timed, callouts=running.callouts.figures())

    def timed(self) -> Iterator[Timed]:
        """Yield how long things took, once somebody has asked for figures."""
        if not self._measures:
            return
        yield Timed(
            "loop_lag_seconds", "How late the event loop came to what was due.", self.lag.histogram
        )
        yield from self._running.report.timed()
        yield from self._running.callouts.timed()

    async def look(self, _: object = None) -> BoardLook:
        """Read what a board shows."""
        look = await in_turns(self._running.report.look())
        self.on_told(look.status)
        return look

    async def mount_paths(self, _: object = None) -> tuple[str, ...]:
        """Return the paths of the mounts that are open."""
        return tuple(mount.path for mount in self._running.relay.mounts)

    async def mount_figures(self, paths: Iterable[str]) -> tuple[MountFigures, ...]:
        """Read some mounts without their readers; those that are not open are left out."""
        found: list[MountFigures] = []
        for path in paths:
            mount = self._running.relay.mounts.get(path)
            if mount is not None:
                found.append(await in_turns(mount_figures(mount)))
                await asyncio.sleep(0)
        return tuple(found)

    async def mount(self, path: str) -> MountSnapshot | None:
        """Read one mount with its readers; None where it is not open."""
        mount = self._running.relay.mounts.get(path)
        return await in_turns(mount_steps(mount)) if mount is not None else None

    async def sessions(self, wanted: ListWanted) -> Part[SeenSession]:
        """Return a part of the publishers and readers, with what their mounts know of them."""
        ends = self._running.relay.ends
        if wanted.takes_any:
            order = self._ordered()
            # One more than wanted tells whether there are more.
            most = None if wanted.limit is None else wanted.limit + 1
            found = order.page(wanted.side, wanted.after, most)
            total = order.total(wanted.side)
        else:
            ids = sorted([end.id async for end in self._chosen(wanted)])
            total = len(ids)
            found = [each for each in ids if wanted.after is None or each > wanted.after]
        chosen = found[: wanted.limit]
        seen: list[SeenSession] = []
        for number, each in enumerate(chosen, 1):
            if (end := ends.get(each)) is not None:  # it may have ended meanwhile
                seen.append(_seen(end))
            if number % _SHOWN_AT_ONCE == 0:
                await asyncio.sleep(0)
        return Part(tuple(seen), total, len(found) > len(chosen))

    async def session(self, session_id: str) -> SessionSnapshot | None:
        """Return one publisher or reader; None where there is none of this id."""
        end = self._running.relay.ends.get(session_id)
        return None if end is None else end.snapshot()

    async def sources(self, wanted: ListWanted) -> Part[SourceSnapshot]:
        """Return a part of what this process fetches by itself."""
        sources = self._running.sources.snapshots()
        return part_of(
            (each for each in sources if wanted.takes_path(each.path)), wanted, key_of_source
        )

    async def source(self, path: str) -> SourceSnapshot | None:
        """Return what fills a path; None where this process fetches nothing for it."""
        return self._running.sources.snapshot_of(path)

    async def forwards(self, wanted: ListWanted) -> Part[ForwardSnapshot]:
        """Return a part of what is sent on to other servers."""
        forwards = self._running.forwards.snapshots()
        return part_of(
            (each for each in forwards if wanted.takes_path(each.path)), wanted, key_of_forward
        )

    async def log_after(self, number: int) -> LogPart:
        """Return the last lines of the log behind one; all, where that one is of another life."""
        last = self.recent_lines.number
        lines = self.recent_lines.after(number if number <= last else 0)
        return LogPart(last, tuple(lines))

    # -- what is done

    async def close_session(self, closing: ToClose) -> bool:
        """End a publisher or reader; False where there is none of this id."""
        return self._running.relay.close_by_id(closing.session, closing.reason)

    async def close_sessions(self, closing: ToClose) -> tuple[ClosedSession, ...]:
        """End all that are wanted; returns those that this ended."""
        assert closing.wanted is not None  # noqa: S101 - of what is closed by a list
        closed: list[ClosedSession] = []
        chosen = [end async for end in self._chosen(closing.wanted)]
        for number, end in enumerate(chosen, 1):
            if self._running.relay.close_by_id(end.id, closing.reason):
                closed.append(ClosedSession(end.id, end.path))
            if number % _CLOSED_AT_ONCE == 0:
                await asyncio.sleep(0)
        return tuple(closed)

    async def close_mount(self, closing: ToClose) -> bool:
        """Close a mount; False where it is not open."""
        mount = self._running.relay.mounts.get(closing.path)
        if mount is None:
            return False
        mount.close(closing.reason)
        return True

    async def set_source(self, change: SourceChange) -> None:
        """Fetch a path from a source that the API was told, or fetch it no more."""
        sources = self._running.sources
        if change.planned is not None:
            sources.change(change.path, change.planned)
        elif sources.is_added(change.path):
            await sources.remove(change.path)

    async def set_sources(self, added: Mapping[str, PlannedSource]) -> None:
        """Fetch all of these; those that are as before are not touched."""
        for path, planned in added.items():
            self._running.sources.change(path, planned)

    async def reload_certificates(self, _: object = None) -> None:
        """Read the TLS files again."""
        self._running.relay.certificates.reload()

    # -- its own

    async def _chosen(self, wanted: ListWanted) -> AsyncIterator[End]:
        """Yield those that are wanted, by what they are themselves: no snapshot is made of them."""
        for number, end in enumerate(self._running.relay.ends, 1):
            if wanted.takes(end):
                yield end
            if number % _LOOKED_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _ordered(self) -> EndOrder:
        """Return the order of the ends, which is kept up while somebody asks for it."""
        ends = self._running.relay.ends
        self._order_asked = True
        if ends.order is None:
            ends.order = EndOrder(ends)
        if self._order_timer is None:
            self._order_timer = self._running.relay.loop.call_later(
                _ORDER_KEPT_S, self._forget_order
            )
        return ends.order

    def _forget_order(self) -> None:
        self._order_timer = None
        asked, self._order_asked = self._order_asked, False
        if asked:
            self._order_timer = self._running.relay.loop.call_later(
                _ORDER_KEPT_S, self._forget_order
            )
        else:
            self._running.relay.ends.order = None


def key_of_source(source: SourceSnapshot) -> str:
    """Return what sources are in the order of."""
    return source.path


def key_of_forward(forward: ForwardSnapshot) -> str:
    """Return what forwards are in the order of."""
    return f"{forward.path} {forward.url}"


def _seen(end: End) -> SeenSession:
    if end.side is Side.PLAY:
        return SeenSession(end.snapshot(), end.reader_snapshot())
    mount = end.mount
    publisher = None if mount is None else mount.publisher
    here = publisher is not None and publisher.id == end.id
    return SeenSession(end.snapshot(), None, publisher.kernel_drops if publisher and here else 0)
