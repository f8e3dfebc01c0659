"""A forward's reader, as limits, hooks, events and status see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headwater.media.mount import Mount
from headwater.media.snapshot import ReaderSnapshot
from headwater.protocol.session_states import SessionState
from headwater.relay.end import End, EndIdentity, EndKind
from headwater.side import Side
from headwater.transports.session_reader import SessionReader


class ForwardEnd(End):
    """The reader of one connection to another server. The forward opens it anew with each."""

    # It reads for as long as the mount lives: a drain would wait in vain.
    leaves_by_itself = False

    def __init__(
        self,
        mount: Mount,
        reader: SessionReader,
        now: float,
        on_let_go: Callable[[], None],
        *,
        secure: bool,
    ) -> None:
        """`on_let_go` is called when the relay ends it."""
        identity = EndIdentity(
            id=reader.id,
            kind=EndKind.CAMERA,
            side=Side.PLAY,
            path=mount.path,
            peer=reader.peer,
            peer_ip=reader.identity.peer_ip,
            user_agent=reader.user_agent,
            secure=secure,
        )
        super().__init__(identity, now)
        self.mount = mount
        self._reader = reader
        self._on_let_go = on_let_go

    @property
    def state(self) -> SessionState:
        """PLAYING while it has its mount."""
        return SessionState.INIT if self.mount is None else SessionState.PLAYING

    @property
    def transport(self) -> str:
        """How its packets go."""
        return self._reader.transport

    @property
    def tracks(self) -> Sequence[int]:
        """Indexes of the tracks that are sent."""
        return self._reader.track_indexes

    def reader_snapshot(self) -> ReaderSnapshot | None:
        """Return what it was sent and missed."""
        return None if self.mount is None else self.mount.reader_snapshot(self._reader)

    def leave_mount(self, cause: str) -> None:
        """Stop reading the mount."""
        mount, self.mount = self.mount, None
        if mount is not None:
            mount.remove_reader(self._reader, cause)

    def release(self) -> None:
        """Give back its ports and channels."""
        self._reader.release()

    def let_go(self, *, by_server: bool) -> None:  # noqa: ARG002 - its peer is told by TEARDOWN
        """Have the forward end its connection."""
        self._on_let_go()
