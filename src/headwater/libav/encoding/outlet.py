"""Where published packets go: a mount of this server, or another server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from headwater.protocol.sdp import SessionDescription


class Outlet(Protocol):
    """Takes the packets of one presentation; all calls are the loop's."""

    name: str
    """What errors and logs call it."""

    @property
    def end_reason(self) -> str | None:
        """Why nothing more is taken, in words; None while something is."""

    async def open(
        self, presentation: SessionDescription, on_key_frame_wanted: Callable[[int], None]
    ) -> None:
        """Begin; `on_key_frame_wanted` is called with the index of a track."""

    def send(self, track: int, packets: list[bytes], *, is_rtcp: bool) -> None:
        """Send packets of one track; they are dropped where that cannot be now."""

    async def close(self) -> None:
        """End; a second call does nothing."""
