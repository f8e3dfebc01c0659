"""How much media a reader was offered, without counting a single packet for it."""

from __future__ import annotations

from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track


class OfferedTally:
    """What a reader's tracks fanned out while it was live, and what was sent to it alone."""

    __slots__ = ("_bytes", "_live", "_packets")

    def __init__(self) -> None:
        self._packets = 0
        self._bytes = 0
        # Tracks that are live, by number, with their packets and bytes before. A reader has one or
        # two, and there may be thousands of readers: a dictionary would take four times as much.
        self._live: tuple[tuple[int, Track, int, int], ...] = ()

    @property
    def packets(self) -> int:
        """Packets until now."""
        live = self._live
        return self._packets + sum(track.counters.packets - before for _, track, before, _ in live)

    @property
    def size_bytes(self) -> int:
        """Their bytes: RTP, without what a transport puts around it."""
        live = self._live
        return self._bytes + sum(track.counters.bytes - before for _, track, _, before in live)

    def begin(self, index: int, track: Track) -> None:
        """Count what the track fans out from now on."""
        if self._live:
            self.end(index)
        self._live += ((index, track, track.counters.packets, track.counters.bytes),)

    def end(self, index: int) -> None:
        """Count no more of a track; one that did not begin is no error."""
        for number, track, packets, size_bytes in self._live:
            if number == index:
                self._packets += track.counters.packets - packets
                self._bytes += track.counters.bytes - size_bytes
        self._live = tuple([one for one in self._live if one[0] != index])

    def add(self, batch: PacketBatch) -> None:
        """Count a batch that is sent to this reader alone."""
        self._packets += len(batch)
        self._bytes += batch.size_bytes
