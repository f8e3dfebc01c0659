"""A publisher or reader of whatever kind, without media."""

from __future__ import annotations

from headwater.protocol.session_states import SessionState
from headwater.relay.end import End, EndIdentity, EndKind
from headwater.side import Side


class SomeEnd(End):
    """A publisher or reader of whatever kind, without media."""

    transport = "none"
    state = SessionState.READY
    tracks = ()

    def leave_mount(self, cause: str) -> None:
        """It is on none."""

    def release(self) -> None:
        """It has taken nothing."""

    def let_go(self, *, by_server: bool) -> None:
        """Nothing carries it."""


def some_end(name: str, *, path: str = "/a", side: Side = Side.PUBLISH) -> SomeEnd:
    """One with this id."""
    return SomeEnd(EndIdentity(id=name, kind=EndKind.CAMERA, side=side, path=path), 0.0)
