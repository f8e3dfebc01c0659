"""What the API sees of a running server, and has it do: of all its processes together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from headwater.app.events_of_all import EventsOfAll
from headwater.app.others import NOBODY, Answers, Others
from headwater.app.own_part import (
    ClosedSession,
    OwnPart,
    SeenServer,
    SourceChange,
    ToClose,
    key_of_forward,
    key_of_source,
)
from headwater.app.workers.merged_status import (
    merged_figures,
    merged_look,
    merged_mount,
    merged_mount_figures,
    whole_status,
    worker_status,
)
from headwater.client.forwarding.snapshot import ForwardSnapshot
from headwater.control.board.look import BoardLook
from headwater.control.figures import MountFigures, ServerFigures
from headwater.control.lists import ListWanted, Part, SeenSession, joined
from headwater.control.recent_lines import RecentLines
from headwater.control.status import Health
from headwater.hooks import HookRequest
from headwater.media.snapshot import MountSnapshot
from headwater.relay.end import SessionSnapshot
from headwater.relay.events import EventStream
from headwater.relay.finding import Wanted
from headwater.relay.name_space import ALONE
from headwater.sources.plan import PlannedSource
from headwater.sources.snapshot import SourceSnapshot


class ApiView:
    """Asks the part of this process, and those of the others, and makes one answer of all.

    Attributes:
        own: what this process knows and does.
        others: the other workers; nobody, where one process serves alone.
    """

    def __init__(self, running: SeenServer) -> None:
        self._running = running
        self.own = OwnPart(running)
        self.others: Others = NOBODY
        self._events: EventsOfAll | None = None
        # What was taken of the logs of others: the number of each one's last line.
        self._log_numbers: dict[str, int] = {}

    # -- what is seen

    def clock_s(self) -> float:
        """Return the time of the server's clock."""
        return self._running.relay.clock()

    def turnover(self) -> tuple[int, int, int]:
        """Return numbers of which one differs once something has come or gone in this process."""
        return self.own.turnover

    async def health(self) -> Health:
        """Return its state, its age and the chief numbers."""
        return await self.others.health() or self._running.report.health()

    async def figures(self) -> ServerFigures:
        """Read all that is counted."""
        answers = await self._answers("figures")
        told: Mapping[str, ServerFigures] = answers.by_name
        merged = merged_figures([*told.values()], answers.totals)
        standing = await self.others.standing()
        if standing is None:
            return merged
        workers = tuple(
            worker_status(
                name,
                part.status,
                [each.mount for each in part.mounts],
                part.publishers + part.readers,
            )
            for name, part in sorted(told.items())
        )
        return replace(merged, status=whole_status(merged.status, standing, workers))

    async def look(self) -> BoardLook:
        """Read what a board shows."""
        answers = await self._answers("look")
        told: Mapping[str, BoardLook] = answers.by_name
        merged = merged_look([*told.values()], answers.totals)
        standing = await self.others.standing()
        if standing is None:
            return merged
        await self._take_logs()
        workers = tuple(
            worker_status(
                name,
                part.status,
                part.mounts,
                len(part.publishers) + sum(part.readers.values()),
            )
            for name, part in sorted(told.items())
        )
        return replace(merged, status=whole_status(merged.status, standing, workers))

    async def mount_paths(self) -> Sequence[str]:
        """Return the paths of the mounts that are open, each once."""
        told = await self._ask("mount_paths")
        return list(dict.fromkeys(path for paths in told.values() for path in paths))

    async def mount_figures(self, paths: Sequence[str]) -> Sequence[MountFigures]:
        """Read mounts without their readers; those that are not open are left out."""
        told = await self._ask("mount_figures", tuple(paths))
        return merged_mount_figures(each for found in told.values() for each in found)

    async def mount(self, path: str) -> MountSnapshot | None:
        """Read one mount with its readers; None where it is not open."""
        told = await self._ask("mount", path)
        parts = [part for part in told.values() if part is not None]
        return merged_mount(parts) if parts else None

    async def sessions(self, wanted: ListWanted) -> Part[SeenSession]:
        """Return a part of the publishers and readers."""
        told = await self._ask("sessions", wanted)
        return joined(told.values(), wanted.limit, lambda each: each.session.id)

    async def session(self, session_id: str) -> SessionSnapshot | None:
        """Return one publisher or reader; None where there is none of this id."""
        own = await self.own.session(session_id)
        if own is not None:
            return own
        told = (await self.others.ask("session", session_id)).by_name
        found: SessionSnapshot | None = next((each for each in told.values() if each), None)
        return found

    async def forwards(self, wanted: ListWanted) -> Part[ForwardSnapshot]:
        """Return a part of what is sent on to other servers."""
        told = await self._ask("forwards", wanted)
        return joined(told.values(), wanted.limit, key_of_forward)

    async def sources(self, wanted: ListWanted) -> Part[SourceSnapshot]:
        """Return a part of what the server fetches by itself."""
        told = await self._ask("sources", wanted)
        return joined(told.values(), wanted.limit, key_of_source)

    async def source(self, path: str) -> SourceSnapshot | None:
        """Return what a path is fetched from, and how that fares; None where it is not fetched."""
        told = await self._ask("source", path)
        found: SourceSnapshot | None = next((each for each in told.values() if each), None)
        return found

    async def recent_lines(self) -> RecentLines:
        """Return the last lines of the logs of all."""
        await self._take_logs()
        return self.own.recent_lines

    def log_number(self) -> int:
        """Return the number of the last line that is known of."""
        return self.own.recent_lines.number

    def events(self) -> EventStream:
        """Return what happens from now on."""
        if not self.others.names:
            return self._running.relay.events.listen()
        if self._events is None:
            self._events = EventsOfAll(self._running.relay, self.others)
        return self._events.listen()

    async def bring(self, path: str, request: HookRequest) -> bool:
        """Have a mount here of which somebody wants pictures; False where there is none.

        Raises SourceDown and SourceTooSlow.
        """
        relay = self._running.relay
        if relay.mounts.get(path) is not None:
            return True
        if relay.name_space is ALONE:
            return self._running.sources.has(path)
        return await relay.finding.find(Wanted(path, request)) is not None

    # -- what is done

    async def close_session(self, session_id: str, reason: str) -> bool:
        """End a publisher or reader; False where there is none of this id."""
        closing = ToClose(reason, session=session_id)
        return await self.own.close_session(closing) or any(
            (await self.others.ask("close_session", closing)).by_name.values()
        )

    async def close_sessions(self, wanted: ListWanted, reason: str) -> Sequence[ClosedSession]:
        """End all that are wanted; return those that this ended."""
        told = await self._ask("close_sessions", ToClose(reason, wanted=wanted))
        return [each for closed in told.values() for each in closed]

    async def close_mount(self, path: str, reason: str) -> bool:
        """Close a mount; False where it is not open."""
        return any((await self._ask("close_mount", ToClose(reason, path=path))).values())

    def is_planned(self, path: str) -> bool:
        """Return whether the settings or the program name a source for a path."""
        return self._running.sources.is_named(path)

    async def set_source(self, path: str, planned: PlannedSource | None) -> None:
        """Fetch a path from a source that the API was told; None: fetch it no more."""
        await self._ask("set_source", SourceChange(path, planned))

    async def tell_source(self, path: str, planned: PlannedSource | None) -> None:
        """Have the other processes know of a source that the program has added here, or removed."""
        await self.others.ask("set_source", SourceChange(path, planned))

    async def reload_certificates(self) -> None:
        """Read the TLS files again."""
        await self._ask("reload_certificates")

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

    # -- its own

    async def _ask(self, question: str, argument: object = None) -> Mapping[str, Any]:
        """Return the answers of all by name, this process first."""
        return (await self._answers(question, argument)).by_name

    async def _answers(self, question: str, argument: object = None) -> Answers:
        """Return the same with the totals of those that do not answer."""
        own = await self.own.questions[question](argument)
        told = await self.others.ask(question, argument)
        return Answers({self.others.own_name: own, **told.by_name}, told.totals)

    async def _take_logs(self) -> None:
        """Take the lines that the other processes have logged since the last time."""
        for name in self.others.names:
            number = self._log_numbers.get(name, 0)
            try:
                part = await self.others.ask_one(name, "log_after", number)
            except RuntimeError:
                continue
            self._log_numbers[name] = part.number
            for line in part.lines:
                self.own.recent_lines.add(line, name)
