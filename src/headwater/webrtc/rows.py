"""Viewers of a mount who get the same at the same moment: encrypted side by side, sent together.

Most do, most of the time. Who is behind, waits for a key frame or comes by TCP is sent for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from headwater.net.datagram_vector import MOST_SLOTS
from headwater.net.segmentation import Run
from headwater.net.udp_destination import Crowd, Destination, Slots
from headwater.net.udp_sender import UdpSender
from headwater.webrtc.layout import Layout
from headwater.webrtc.srtp import ARENA, SrtpSession
from headwater.webrtc.view_batch import ViewBatch

MOST_QUEUED_BYTES: Final = 1 << 20
"""Above this a viewer on TCP, or all on UDP, lose what comes up to the next key frame."""
_ROW_FROM: Final = 4
"""Fewer are served as fast one by one."""


class Place(NamedTuple):
    """What of a viewer matters where packets of a track go to it at once."""

    payload_type: int
    sender: UdpSender
    destination: Destination
    srtp: SrtpSession

    @property
    def row(self) -> tuple[int, int, int]:
        """The same for all of a row."""
        return self.payload_type, self.srtp.tag_bytes, id(self.sender)


class ViewReader(Protocol):
    """One who watches."""

    sent_packets: int
    sent_bytes: int

    @property
    def tracks(self) -> Sequence[int]:
        """Indexes of the tracks that it is sent."""

    def place_for(self, track: int) -> Place | None:
        """Return where packets of a track go at once; None while something is in their way."""

    def send(self, batch: ViewBatch) -> None:
        """Take packets, at once and without waiting."""

    def send_failed(self, error: Exception) -> None:
        """Learn that `error` came out of `send`."""


class _Group(NamedTuple):
    """Those of a row whose packets lie in the arena at one time."""

    crowd: Crowd
    handles: tuple[Any, ...]


class Row:
    """Viewers with one payload type and one kind of keys, who are sent to from one socket.

    Attributes:
        viewers: they, in order.
    """

    def __init__(self, viewers: Sequence[ViewReader], places: Sequence[Place]) -> None:
        self.viewers = tuple(viewers)
        first = places[0]
        self._payload_type = first.payload_type
        self._tag_bytes = first.srtp.tag_bytes
        self._sender = first.sender
        self._fallbacks = first.sender.fallbacks
        # Handles are good as long as these are there.
        self._sessions = tuple([place.srtp for place in places])
        self._groups = [
            _Group(
                first.sender.crowd_of([place.destination for place in part]),
                tuple([place.srtp.handle for place in part]),
            )
            for part in (
                places[start : start + MOST_SLOTS] for start in range(0, len(places), MOST_SLOTS)
            )
        ]

    def send(self, batch: ViewBatch) -> bool:
        """Send a batch to all; return False, and send nothing, where each has to be looked at."""
        sender = self._sender
        if (
            ARENA is None
            or sender.fallbacks != self._fallbacks
            or sender.pending_bytes > MOST_QUEUED_BYTES
        ):
            return False
        layout = batch.layout(self._payload_type, self._tag_bytes)
        for crowd, handles in self._groups:
            slots, failed = ARENA.protect_all(handles, layout)
            if failed:
                self._send_to_others(crowd, slots, failed, layout)
                continue
            for start, stop, segment, count in layout.bounds:
                sender.send_slots(crowd, slots, start, stop, segment, count)
        packets, size = len(batch.packets), batch.size_bytes
        for viewer in self.viewers:
            viewer.sent_packets += packets
            viewer.sent_bytes += size
        return True

    def _send_to_others(
        self, crowd: Crowd, slots: Slots, failed: Sequence[int], layout: Layout
    ) -> None:
        """Send to those of a crowd whose packets could be encrypted."""
        for place, destination in enumerate(crowd.destinations):
            if place in failed:
                continue
            memory = slots.memory[place * slots.apart_bytes :]
            runs = [
                Run(bytes(memory[start:stop]), segment, count)
                for start, stop, segment, count in layout.bounds
            ]
            self._sender.send_to(destination, runs)


def rows_of(readers: Iterable[ViewReader], track: int) -> tuple[list[Row], list[ViewReader]]:
    """Return the rows of those who watch, for a track, and who is sent its packets alone."""
    alone: list[ViewReader] = []
    placed: dict[tuple[int, int, int], list[tuple[ViewReader, Place]]] = {}
    for reader in readers:
        place = None if ARENA is None else reader.place_for(track)
        if place is None:
            alone.append(reader)
        else:
            placed.setdefault(place.row, []).append((reader, place))
    rows = []
    for together in placed.values():
        viewers, places = zip(*together, strict=True)
        if len(viewers) < _ROW_FROM:
            alone.extend(viewers)
        else:
            rows.append(Row(viewers, places))
    return rows, alone
