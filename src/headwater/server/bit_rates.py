"""How much publishers send, held against the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.media.mount import Mount
    from headwater.server.service import Service

_WINDOW_S = 5.0


class BitRates:
    """Closes publishers whose bit rate over a window is above `limits.publisher_bits_per_s`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        # When each publisher's window began, and the bytes that its mount had got by then.
        self._begun: dict[str, tuple[float, int]] = {}

    def check(self, now: float) -> None:
        """Look at every publisher; called about once a second."""
        most = self._service.settings.limits.publisher_bits_per_s
        if not most:
            return
        begun: dict[str, tuple[float, int]] = {}
        for mount in self._service.mounts:
            publisher = mount.publisher
            if publisher is None:
                continue
            size_bytes = sum(track.counters.bytes for track in mount.tracks)
            since_s, before_bytes = self._begun.get(publisher.id, (now, size_bytes))
            if now - since_s >= _WINDOW_S:
                bits_per_s = (size_bytes - before_bytes) * 8 / (now - since_s)
                if bits_per_s > most:
                    self._close(mount, publisher.id, bits_per_s)
                    continue
                since_s, before_bytes = now, size_bytes
            begun[publisher.id] = (since_s, before_bytes)
        self._begun = begun

    def _close(self, mount: Mount, session_id: str, bits_per_s: float) -> None:
        service = self._service
        session = service.sessions.get(session_id)
        if session is None:
            return
        cause = f"{mount.path} was sent {bits_per_s:.0f} bits a second"
        service.note_limit("limits.publisher_bits_per_s", session.peer, cause)
        service.sessions.close(session, "bit rate above the limit", by_server=True)
