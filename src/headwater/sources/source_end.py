"""A source that fills its mount, as the relay sees it: a publisher like any other."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.media.publisher import Feed
from headwater.protocol.sdp import SessionDescription
from headwater.protocol.session_states import SessionState
from headwater.relay.end import End, EndIdentity, EndKind
from headwater.relay.relay import Relay
from headwater.side import Side


class SourceEnd(End):
    """The publisher of a mount that a source fills, from its first packets to its end.

    Attributes:
        feed: where its packets come from.
        grace: whether readers may wait for the source to come back when it ends.
    """

    def __init__(
        self,
        relay: Relay,
        path: str,
        presentation: SessionDescription,
        feed: Feed,
        kind: EndKind,
        *,
        secure: bool,
    ) -> None:
        identity = EndIdentity(
            id=feed.id,
            kind=kind,
            side=Side.PUBLISH,
            path=path,
            peer=feed.peer,
            user_agent=feed.user_agent,
            secure=secure,
        )
        super().__init__(identity, relay.clock())
        self.feed = feed
        self.grace = True
        self._cause = ""
        self._relay = relay
        self._presentation = presentation

    def begin(self, *, same_encoder: bool) -> None:
        """Take the mount; `same_encoder` as `MountTable.open` has it. Raises MountBusy."""
        self.mount = self._relay.mounts.open(
            self.path, self._presentation, self.feed, same_encoder=same_encoder
        )

    @property
    def state(self) -> SessionState:
        """RECORDING until it has ended."""
        return SessionState.INIT if self.mount is None else SessionState.RECORDING

    @property
    def transport(self) -> str | None:
        """How its packets come."""
        return self.feed.transport

    @property
    def tracks(self) -> Sequence[int]:
        """Indexes of the tracks of its presentation."""
        return tuple(range(len(self._presentation.media)))

    def leave_mount(self, cause: str) -> None:
        """Take it off its mount, which then waits out its grace or closes."""
        self._cause = cause
        self.feed.stop()
        mount, self.mount = self.mount, None
        if mount is not None:
            mount.publisher_left(self.feed, cause, grace=self.grace)

    def release(self) -> None:
        """Give back nothing: ports and channels are the source's own, which its end gives back."""

    def let_go(self, *, by_server: bool) -> None:
        """Have the source end where it does not know yet."""
        if by_server:
            self.feed.close(self._cause)
