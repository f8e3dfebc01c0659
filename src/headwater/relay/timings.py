"""How long things take, looked at now and then: nothing is added to the path of a packet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from headwater.histogram import OF_ANSWERS_S, OF_WAITING_S, Histogram
from headwater.media.mount import Mount
from headwater.media.mount_table import MountTable
from headwater.media.readers.reader import Reader
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.relay.end import End

_MOUNTS_AT_ONCE = 32
_READERS_AT_ONCE = 256
"""So many are looked at each second, in turn: some 0.3 ms."""


class Timings:
    """Samples of a server, since `start`.

    Attributes:
        handed_over: from a batch's arrival until all readers of its track were served: its bytes
            are with the kernel, or wait in the queue of a reader that is behind.
        queued: ages of the oldest bytes that wait for a reader.
        joined: from the opening of a reader's session until it began to play.
    """

    def __init__(self, mounts: MountTable, clock: Callable[[], float]) -> None:
        self.handed_over = Histogram(OF_WAITING_S)
        self.queued = Histogram((*OF_WAITING_S, 2.0, 5.0))
        self.joined = Histogram((*OF_ANSWERS_S, 10.0))
        self._mounts = mounts
        self._clock = clock
        self._wanted = False
        self._mounts_left: Iterator[Mount] = iter(())
        self._readers_left: Iterator[Reader] = iter(())

    def start(self) -> None:
        """Begin to look."""
        self._wanted = True

    def reader_joined(self, end: End) -> None:
        """Note that a reader begins to play."""
        self.joined.add(self._clock() - end.opened_s)

    def check(self, _now: float) -> None:
        """Look at some mounts and readers; called about once a second."""
        if not self._wanted:
            return
        mounts = list(islice(self._mounts_left, _MOUNTS_AT_ONCE))
        if not mounts:
            self._mounts_left = iter(tuple(self._mounts))
        for mount in mounts:
            for track in mount.tracks:
                track.fan_out.look_once(self._served)
        looked_at = 0
        for reader in islice(self._readers_left, _READERS_AT_ONCE):
            looked_at += 1
            self.queued.add(reader.oldest_queued_s)
        if not looked_at:
            self._readers_left = (each for mount in self._mounts for each in mount.readers)

    def _served(self, batch: PacketBatch) -> None:
        self.handed_over.add(self._clock() - batch.arrived_s)
