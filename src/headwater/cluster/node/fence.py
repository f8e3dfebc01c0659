"""Keeps what a node publishes from its readers while nobody knows whether it still may."""

from __future__ import annotations

from headwater.media.mount import Mount
from headwater.media.tracks.fan_out import FanOut, Outlet
from headwater.media.tracks.packet_batch import PacketBatch


class _Closed(FanOut):
    """A fan-out that sends nothing. Readers come and go as on the one that it stands for."""

    __slots__ = ("_open",)

    def __init__(self, beneath: FanOut) -> None:
        super().__init__()
        self._open = beneath

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, outlet: Outlet) -> bool:
        return outlet in self._open

    def add(self, outlet: Outlet) -> None:
        self._open.add(outlet)

    def remove(self, outlet: Outlet) -> None:
        self._open.remove(outlet)

    def send(self, batch: PacketBatch) -> None:
        """Drop it."""

    def send_rtcp(self, batch: PacketBatch) -> None:
        """Drop it."""


class Fence:
    """The mounts of which nothing goes out for now.

    A process that stood still has packets of then in its sockets. Another node may have had the
    path since, and its readers are not to get packets of both.
    """

    def __init__(self) -> None:
        self._shut: dict[Mount, tuple[FanOut, ...]] = {}

    def __len__(self) -> int:
        return len(self._shut)

    def shut(self, mount: Mount) -> None:
        """Let nothing out from this moment; a second call does nothing."""
        if mount in self._shut:
            return
        self._shut[mount] = tuple(track.fan_out for track in mount.tracks)
        for track in mount.tracks:
            track.fan_out = _Closed(track.fan_out)

    def open_all(self) -> None:
        """Let packets out again."""
        shut, self._shut = self._shut, {}
        for mount, fan_outs in shut.items():
            for track, fan_out in zip(mount.tracks, fan_outs, strict=True):
                track.fan_out = fan_out
