"""What the API sees of a running server, and has it do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from headwater.app.callouts import CalloutsInUse
from headwater.app.status_report import StatusReport, mount_figures, mount_steps
from headwater.client.forwarding.forwards import Forwards
from headwater.client.forwarding.snapshot import ForwardSnapshot
from headwater.config.applied import Applied
from headwater.control.figures import MountFigures, ServerFigures
from headwater.control.status import Health, ServerStatus
from headwater.media.snapshot import MountSnapshot
from headwater.relay.end import SessionSnapshot
from headwater.relay.events import EventStream
from headwater.relay.name_space import ALONE
from headwater.relay.relay import Relay
from headwater.sources.plan import PlannedSource
from headwater.sources.snapshot import SourceSnapshot
from headwater.sources.source_table import SourceTable


class SeenServer(Protocol):
    """The parts of a running server that are read here."""

    relay: Relay
    report: StatusReport
    forwards: Forwards
    sources: SourceTable
    callouts: CalloutsInUse
    on_reload: Callable[[], Awaitable[Applied]] | None


class ApiView:
    """Reads the parts of one server and calls the few that act."""

    def __init__(self, running: SeenServer) -> None:
        self._running = running

    # -- what is seen

    @property
    def is_one_of_several(self) -> bool:
        """Whether the process is one of several that serve together, and knows its part alone."""
        return self._running.relay.name_space is not ALONE

    def clock_s(self) -> float:
        """Return the time of the server's clock."""
        return self._running.relay.clock()

    def health(self) -> Health:
        """Return its state, its age and the chief numbers."""
        return self._running.report.health()

    def status(self) -> Generator[None, None, ServerStatus]:
        """Read everything, in steps; of many readers this is much to keep."""
        return self._running.report.steps()

    def figures(self) -> Generator[None, None, ServerFigures]:
        """Read all that is counted, in steps."""
        figures = yield from self._running.report.figures()
        callouts = self._running.callouts
        timed = (*self._running.report.timed(), *callouts.timed())
        return replace(figures, timed=timed, callouts=callouts.figures())

    def mount_paths(self) -> Sequence[str]:
        """Return the paths of the mounts that are open."""
        return [mount.path for mount in self._running.relay.mounts]

    def mount(self, path: str) -> Generator[None, None, MountSnapshot | None]:
        """Read one mount with its readers, in steps; None where it is not open."""
        mount = self._running.relay.mounts.get(path)
        return (yield from mount_steps(mount)) if mount is not None else None

    def mount_figures(self, path: str) -> Generator[None, None, MountFigures | None]:
        """Read one mount without its readers, in steps; None where it is not open."""
        mount = self._running.relay.mounts.get(path)
        return (yield from mount_figures(mount)) if mount is not None else None

    def sessions(self) -> Iterator[SessionSnapshot]:
        """Yield all publishers and readers, each as it is when it is asked for."""
        for end in tuple(self._running.relay.ends):
            yield end.snapshot()

    def session(self, session_id: str) -> SessionSnapshot | None:
        """Return one publisher or reader; None where there is none of this id."""
        end = self._running.relay.ends.get(session_id)
        return None if end is None else end.snapshot()

    def forwards(self) -> Iterable[ForwardSnapshot]:
        """Return what is sent on to other servers."""
        return self._running.forwards.snapshots()

    def sources(self) -> Iterable[SourceSnapshot]:
        """Return what the server fetches by itself."""
        return self._running.sources.snapshots()

    def events(self) -> EventStream:
        """Return what happens from now on."""
        return self._running.relay.events.listen()

    def has_source(self, path: str) -> bool:
        """Return whether the server fetches a path by itself, perhaps when somebody asks."""
        return self._running.sources.has(path)

    # -- what is done

    def close_session(self, session_id: str, reason: str) -> bool:
        """End a publisher or reader; False where there is none of this id."""
        return self._running.relay.close_by_id(session_id, reason)

    def close_mount(self, path: str, reason: str) -> bool:
        """Close a mount; False where it is not open."""
        mount = self._running.relay.mounts.get(path)
        if mount is None:
            return False
        mount.close(reason)
        return True

    def is_planned(self, path: str) -> bool:
        """Return whether the settings or the program name a source for a path."""
        return self._running.sources.is_named(path)

    async def set_source(self, path: str, planned: PlannedSource | None) -> None:
        """Fetch a path from a source that the API was told; None: fetch it no more."""
        if planned is None:
            await self._running.sources.remove(path)
        else:
            self._running.sources.change(path, planned)

    def reload_certificates(self) -> None:
        """Read the TLS files again."""
        self._running.relay.certificates.reload()

    async def reload_settings(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Read the configuration again; return what that changed, and what needs a restart."""
        if self._running.on_reload is None:
            raise LookupError(
                "this server belongs to a program, which has its own settings and no file to read; "
                "the program changes them by `await server.apply(settings)`"
            )
        applied = await self._running.on_reload()
        return (
            tuple(str(change) for change in applied.changes),
            tuple(str(change) for change in applied.needs_restart),
        )
