"""How much publishers send, held against the limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.media.mount import Mount
    from headwater.server.service import Service

_WINDOW_S = 5.0


@dataclass(frozen=True, slots=True)
class _Window:
    """When a window began, and the bytes and packets that a mount had got by then."""

    began_s: float
    size_bytes: int
    packets: int


class BitRates:
    """Closes publishers that send more over a window than the limits allow, in bits or packets.

    Each packet costs work for each reader, however small it is.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        # When each publisher's window began, and what its mount had got by then.
        self._begun: dict[str, _Window] = {}

    def check(self, now: float) -> None:
        """Look at every publisher; called about once a second."""
        limits = self._service.settings.limits
        if not (limits.publisher_bits_per_s or limits.publisher_packets_per_s):
            return
        begun: dict[str, _Window] = {}
        for mount in self._service.mounts:
            publisher = mount.publisher
            if publisher is None:
                continue
            window = _Window(
                now,
                sum(track.counters.bytes for track in mount.tracks),
                sum(track.counters.packets for track in mount.tracks),
            )
            since = self._begun.get(publisher.id, window)
            if now - since.began_s < _WINDOW_S:
                begun[publisher.id] = since
            elif not self._is_closed(mount, publisher.id, since, window):
                begun[publisher.id] = window
        self._begun = begun

    def _is_closed(self, mount: Mount, session_id: str, since: _Window, until: _Window) -> bool:
        limits = self._service.settings.limits
        passed_s = until.began_s - since.began_s
        bits_per_s = (until.size_bytes - since.size_bytes) * 8 / passed_s
        packets_per_s = (until.packets - since.packets) / passed_s
        if 0 < limits.publisher_bits_per_s < bits_per_s:
            cause = f"{mount.path} was sent {bits_per_s:.0f} bits a second"
            self._close(session_id, "publisher_bits_per_s", cause, "bit rate above the limit")
        elif 0 < limits.publisher_packets_per_s < packets_per_s:
            cause = f"{mount.path} was sent {packets_per_s:.0f} packets a second"
            self._close(session_id, "publisher_packets_per_s", cause, "packet rate above the limit")
        else:
            return False
        return True

    def _close(self, session_id: str, limit: str, cause: str, reason: str) -> None:
        service = self._service
        session = service.sessions.get(session_id)
        if session is None:
            return
        service.note_limit(f"limits.{limit}", session.peer, cause)
        service.sessions.close(session, reason, by_server=True)
