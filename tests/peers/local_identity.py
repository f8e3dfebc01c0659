"""Who tests of publishers and readers say is at the other end of a session: somebody local."""

from __future__ import annotations

from collections.abc import Callable

from headwater.transports.session_media import SessionIdentity


def local_identity(
    session_id: str = "s", on_close: Callable[[str], None] = lambda _reason: None
) -> SessionIdentity:
    """An identity that tells nobody of signs of life, and of the end only who asks for it."""
    return SessionIdentity(
        id=session_id,
        peer="127.0.0.1:1",
        peer_ip="127.0.0.1",
        address_block="127.0.0.1",
        local_ip="127.0.0.1",
        user_agent="",
        on_close=on_close,
        on_life=lambda: None,
    )
