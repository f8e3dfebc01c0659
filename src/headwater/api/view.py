"""What the API sees of a server, and the few things that it has it do."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Protocol

from headwater.client.forwarding.snapshot import ForwardSnapshot
from headwater.control.figures import MountFigures, ServerFigures
from headwater.control.status import Health, ServerStatus
from headwater.media.snapshot import MountSnapshot
from headwater.relay.end import SessionSnapshot
from headwater.relay.events import EventStream
from headwater.sources.plan import PlannedSource
from headwater.sources.snapshot import SourceSnapshot


class ServerView(Protocol):
    """The read models of a server. What is long is read in steps, with a pause at each yield."""

    @property
    def is_one_of_several(self) -> bool:
        """Whether the process is one of several that serve together, and knows its part alone."""

    def clock_s(self) -> float:
        """Return the time of the server's clock, to which times of sessions and mounts belong."""

    def health(self) -> Health:
        """Return its state, its age and the chief numbers."""

    def status(self) -> Generator[None, None, ServerStatus]:
        """Read everything, in steps; of many readers this is much to keep."""

    def figures(self) -> Generator[None, None, ServerFigures]:
        """Read all that is counted, in steps."""

    def mount_paths(self) -> Sequence[str]:
        """Return the paths of the mounts that are open."""

    def mount(self, path: str) -> Generator[None, None, MountSnapshot | None]:
        """Read one mount with its readers, in steps; None where it is not open."""

    def mount_figures(self, path: str) -> Generator[None, None, MountFigures | None]:
        """Read one mount without its readers, in steps; None where it is not open."""

    def sessions(self) -> Iterator[SessionSnapshot]:
        """Yield all publishers and readers, each as it is when it is asked for."""

    def session(self, session_id: str) -> SessionSnapshot | None:
        """Return one publisher or reader; None where there is none of this id."""

    def forwards(self) -> Iterable[ForwardSnapshot]:
        """Return what is sent on to other servers."""

    def sources(self) -> Iterable[SourceSnapshot]:
        """Return what the server fetches by itself."""

    def events(self) -> EventStream:
        """Return what happens from now on."""

    def has_source(self, path: str) -> bool:
        """Return whether the server fetches a path by itself, perhaps when somebody asks."""


class ServerActions(Protocol):
    """What the API can have a server do."""

    def close_session(self, session_id: str, reason: str) -> bool:
        """End a publisher or reader; False where there is none of this id."""

    def close_mount(self, path: str, reason: str) -> bool:
        """Close a mount; False where it is not open."""

    def is_planned(self, path: str) -> bool:
        """Return whether the settings or the program name a source for a path."""

    async def set_source(self, path: str, planned: PlannedSource | None) -> None:
        """Fetch a path from a source that the API was told; None: fetch it no more."""

    def reload_certificates(self) -> None:
        """Read the TLS files again."""

    async def reload_settings(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Read the configuration again; return what that changed, and what needs a restart.

        Raises ValueError, OSError and RuntimeError where nothing was applied, and LookupError where
        there is no configuration to read.
        """
