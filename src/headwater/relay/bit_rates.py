"""How much publishers send, held against the limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from headwater.media.mount import Mount
from headwater.media.publisher import Publisher
from headwater.relay.limits import Limits

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

    def __init__(
        self, limits: Limits, mounts: Iterable[Mount], close: Callable[[Publisher, str], None]
    ) -> None:
        """`close` ends a publisher, for a reason, and tells its peer."""
        self._limits = limits
        self._mounts = mounts
        self._close = close
        # When each publisher's window began, and what its mount had got by then.
        self._begun: dict[str, _Window] = {}

    def check(self, now: float) -> None:
        """Look at every publisher; called about once a second."""
        limits = self._limits.settings
        if not (limits.publisher_bits_per_s or limits.publisher_packets_per_s):
            return
        begun: dict[str, _Window] = {}
        for mount in self._mounts:
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
            elif not self._is_closed(mount, publisher, since, window):
                begun[publisher.id] = window
        self._begun = begun

    def _is_closed(
        self, mount: Mount, publisher: Publisher, since: _Window, until: _Window
    ) -> bool:
        limits = self._limits.settings
        passed_s = until.began_s - since.began_s
        bits_per_s = (until.size_bytes - since.size_bytes) * 8 / passed_s
        packets_per_s = (until.packets - since.packets) / passed_s
        if 0 < limits.publisher_bits_per_s < bits_per_s:
            setting, rate, unit = "publisher_bits_per_s", bits_per_s, "bit"
        elif 0 < limits.publisher_packets_per_s < packets_per_s:
            setting, rate, unit = "publisher_packets_per_s", packets_per_s, "packet"
        else:
            return False
        cause = f"{mount.path} was sent {rate:.0f} {unit}s a second"
        self._limits.note(f"limits.{setting}", publisher.peer, cause)
        self._close(publisher, f"{unit} rate above the limit")
        return True
