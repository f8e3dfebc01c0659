"""What the API sees of a server, and the few things that it has it do."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

from headwater.client.forwarding.snapshot import ForwardSnapshot
from headwater.control.board.look import BoardLook
from headwater.control.figures import MountFigures, ServerFigures
from headwater.control.lists import ListWanted, Part, SeenSession
from headwater.control.recent_lines import RecentLines
from headwater.control.status import Health
from headwater.hooks import HookRequest
from headwater.media.snapshot import MountSnapshot
from headwater.relay.end import SessionSnapshot
from headwater.relay.events import EventStream
from headwater.sources.plan import PlannedSource
from headwater.sources.snapshot import SourceSnapshot


class ServerView(Protocol):
    """The read models of a server, of all its processes. What is long is read in short steps."""

    def clock_s(self) -> float:
        """Return the time of the server's clock, to which times of sessions and mounts belong."""

    def turnover(self) -> Hashable:
        """Return what is another value once something has come or gone in this process."""

    async def health(self) -> Health:
        """Return its state, its age and the chief numbers."""

    async def figures(self) -> ServerFigures:
        """Read all that is counted."""

    async def look(self) -> BoardLook:
        """Read what a board shows."""

    async def mount_paths(self) -> Sequence[str]:
        """Return the paths of the mounts that are open, each once."""

    async def mount_figures(self, paths: Sequence[str]) -> Sequence[MountFigures]:
        """Read mounts without their readers; those that are not open are left out."""

    async def mount(self, path: str) -> MountSnapshot | None:
        """Read one mount with its readers; None where it is not open."""

    async def sessions(self, wanted: ListWanted) -> Part[SeenSession]:
        """Return a part of the publishers and readers, in the order of their ids."""

    async def session(self, session_id: str) -> SessionSnapshot | None:
        """Return one publisher or reader; None where there is none of this id."""

    async def forwards(self, wanted: ListWanted) -> Part[ForwardSnapshot]:
        """Return a part of what is sent on to other servers, by path and URL."""

    async def sources(self, wanted: ListWanted) -> Part[SourceSnapshot]:
        """Return a part of what the server fetches by itself, by path."""

    async def source(self, path: str) -> SourceSnapshot | None:
        """Return what a path is fetched from, and how that fares; None where it is not fetched."""

    async def recent_lines(self) -> RecentLines:
        """Return the last lines of the log."""

    def log_number(self) -> int:
        """Return the number of the last line that is known of."""

    def events(self) -> EventStream:
        """Return what happens from now on."""

    async def bring(self, path: str, request: HookRequest) -> bool:
        """Have a mount ready for pictures; False where there is none and none can be had.

        Raises SourceDown and SourceTooSlow for one that cannot be had now.
        """


class ClosedSession(Protocol):
    """A session that was closed."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def path(self) -> str:
        """The path of its mount."""


class ServerActions(Protocol):
    """What the API can have a server do."""

    async def close_session(self, session_id: str, reason: str) -> bool:
        """End a publisher or reader; False where there is none of this id."""

    async def close_sessions(self, wanted: ListWanted, reason: str) -> Sequence[ClosedSession]:
        """End all that are wanted; return those that this ended."""

    async def close_mount(self, path: str, reason: str) -> bool:
        """Close a mount; False where it is not open."""

    def is_planned(self, path: str) -> bool:
        """Return whether the settings or the program name a source for a path."""

    async def set_source(self, path: str, planned: PlannedSource | None) -> None:
        """Fetch a path from a source that the API was told; None: fetch it no more."""

    async def reload_certificates(self) -> None:
        """Read the TLS files again."""

    async def reload_settings(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Read the configuration again; return what that changed, and what needs a restart.

        Raises ValueError, OSError and RuntimeError where nothing was applied, and LookupError where
        there is no configuration to read.
        """
