"""All readers of a track that take it on the same interleaved channel, written to in a row.

Nearly always nearly all of them have room, get the same bytes, and need nothing else: for these no
Python runs but what starts the row. The others are served one by one until they have room again.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from operator import call, length_hint

from headwater.media.tracks.fan_out import Outlet
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.net.stream import DirectPath, DirectWriter
from headwater.transports.interleaved.outlet import InterleavedOutlet, framing


class _Member(DirectWriter):
    """An outlet in a lane."""

    __slots__ = ("_lane", "counted_bytes", "outlet", "path")

    def __init__(self, lane: InterleavedLane, outlet: InterleavedOutlet, path: DirectPath) -> None:
        self._lane = lane
        self.outlet = outlet
        self.path = path
        # How much of what the lane sent its stream knows of.
        self.counted_bytes = 0

    def stream_changed(self) -> None:
        """Have the lane look whether it is to be served with the others."""
        self._lane.changed.add(self)

    def settle(self) -> None:
        """Tell the stream what the lane sent since it was told last."""
        self._lane.settle(self)


class InterleavedLane(Outlet):
    """One outlet of the track's fan-out, however many readers are behind it.

    Attributes:
        changed: members that may have to be served another way than so far.
    """

    __slots__ = (
        "_busy",
        "_frames",
        "_key",
        "_last",
        "_members",
        "_on_empty",
        "_row",
        "_sends",
        "_sent_bytes",
        "_track",
        "changed",
    )

    def __init__(self, track: Track, channel: int, on_empty: Callable[[], None]) -> None:
        self._track = track
        self._key, self._frames = framing(channel)
        self._on_empty = on_empty
        self._members: dict[InterleavedOutlet, _Member] = {}
        # The members that are served in a row, and what sends to each of them.
        self._row: dict[_Member, Callable[[bytes], int]] = {}
        # The latter alone; None when the row has changed.
        self._sends: list[Callable[[bytes], int]] | None = None
        self._busy: dict[_Member, None] = {}
        self.changed: set[_Member] = set()
        self._last: PacketBatch | None = None
        # What every member of the row would have got that had been in it from the beginning.
        self._sent_bytes = 0

    def __len__(self) -> int:
        return len(self._members)

    def add(self, outlet: InterleavedOutlet, path: DirectPath) -> None:
        """Serve an outlet from now on."""
        member = _Member(self, outlet, path)
        self._members[outlet] = member
        self._busy[member] = None
        self.changed.add(member)
        path.watch(member)

    def remove(self, outlet: InterleavedOutlet) -> None:
        """Serve an outlet no more; one that is not there is no error."""
        member = self._members.pop(outlet, None)
        if member is None:
            return
        self._leave_row(member)
        self._busy.pop(member, None)
        self.changed.discard(member)
        member.path.unwatch(member)
        if not self._members:
            self._on_empty()

    def settle(self, member: _Member) -> None:
        """Tell a member's stream what was sent to it in the row."""
        if member in self._row:
            member.path.note_sent(self._sent_bytes - member.counted_bytes)
            member.counted_bytes = self._sent_bytes

    def send_batch(self, batch: PacketBatch) -> None:
        """Send the batch to everyone in the row, and offer it to those who are not."""
        if self.changed:
            self._arrange()
        if self._row:
            self._send_in_row(batch.shared(self._key, self._frames))
            self._last = batch
        if self._busy:
            self._offer(batch)

    def send_rtcp(self, batch: PacketBatch) -> None:
        """Write compound RTCP packets to everyone."""
        for outlet in tuple(self._members):
            if outlet in self._members:
                try:
                    outlet.send_rtcp(batch)
                except Exception as error:  # noqa: BLE001 one outlet's fault stays its own
                    self._take_off(outlet, error)

    def outlet_failed(self, error: Exception) -> None:
        """Learn that the lane itself failed: so did all of its outlets."""
        for outlet in tuple(self._members):
            self.remove(outlet)
            outlet.outlet_failed(error)

    def _arrange(self) -> None:
        for member in self.changed:
            send = member.outlet.direct_send
            if send is None:
                if self._leave_row(member):
                    self._busy[member] = None
            elif member not in self._row:
                del self._busy[member]
                member.counted_bytes = self._sent_bytes
                self._row[member] = send
                self._sends = None
        self.changed.clear()

    def _leave_row(self, member: _Member) -> bool:
        """Take a member out of the row; tell whether it was there."""
        if member not in self._row:
            return False
        self.settle(member)
        del self._row[member]
        self._sends = None
        if self._last is not None:
            member.outlet.gate.note_sent(self._last)
        return True

    def _send_in_row(self, data: bytes) -> None:
        """Make a system call for each; Python runs only for sockets that do not take it all."""
        size = len(data)
        sends = self._sends
        if sends is None:
            sends = self._sends = list(self._row.values())
        waiting = iter(sends)
        incomplete = filter(size.__ne__, map(call, waiting, repeat(data)))
        # What stopped the row, by the number of the member.
        stops: dict[int, int | OSError] = {}
        while True:
            try:
                stop: int | OSError = next(incomplete, size)
            except (BlockingIOError, InterruptedError):
                stop = 0
            except OSError as error:
                stop = error
            if stop == size:
                break
            stops[len(sends) - length_hint(waiting) - 1] = stop
        self._sent_bytes += size
        if stops:
            self._go_on_alone(data, stops)

    def _go_on_alone(self, data: bytes, stops: dict[int, int | OSError]) -> None:
        row = tuple(self._row)
        for number, stop in stops.items():
            path = row[number].path
            if isinstance(stop, OSError):
                path.note_sent(-len(data))
                path.abort(stop)
            else:
                path.note_sent(stop - len(data))
                path.go_on(data, stop)

    def _offer(self, batch: PacketBatch) -> None:
        for member in tuple(self._busy):
            if member not in self._busy:
                continue
            try:
                member.outlet.send_batch(batch)
            except Exception as error:  # noqa: BLE001 one outlet's fault stays its own
                self._take_off(member.outlet, error)
            else:
                if member.outlet.direct_send is not None:
                    self.changed.add(member)

    def _take_off(self, outlet: InterleavedOutlet, error: Exception) -> None:
        self.remove(outlet)
        self._track.fan_out.take_off(outlet, error)


class InterleavedLaneTable:
    """The lanes in use, by track and channel; each lives while it has readers."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[Track, int], InterleavedLane] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    def join(self, track: Track, outlet: InterleavedOutlet) -> None:
        """Have an outlet served with the others of its track and channel."""
        path = outlet.stream.direct
        if path is None:
            track.fan_out.add(outlet)
            return
        key = (track, outlet.pair[0])
        lane = self._lanes.get(key)
        if lane is None:
            lane = InterleavedLane(track, key[1], lambda: self._forget(key))
            self._lanes[key] = lane
        try:
            track.fan_out.add(lane)
            lane.add(outlet, path)
        except BaseException:
            lane.remove(outlet)
            if not len(lane) and key in self._lanes:
                self._forget(key)
            raise

    def leave(self, track: Track, outlet: InterleavedOutlet) -> None:
        """Undo `join`; an outlet that did not join is no error."""
        track.fan_out.remove(outlet)
        lane = self._lanes.get((track, outlet.pair[0]))
        if lane is not None:
            lane.remove(outlet)

    def _forget(self, key: tuple[Track, int]) -> None:
        key[0].fan_out.remove(self._lanes.pop(key))
