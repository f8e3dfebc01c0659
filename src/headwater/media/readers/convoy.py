"""Readers that are on their way from a key frame to the live packets together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass

from headwater.media.readers.reader import Reader
from headwater.media.readers.stretch import Entry, Stretch
from headwater.media.settings import MountSettings
from headwater.media.tracks.packet_batch import PacketBatch

TICK_S = 0.005
LONGEST_TICK_S = 0.1
"""Readers that take nothing are asked ever less often, down to this."""
MOST_QUEUED_BYTES = 256 * 1024
"""A reader with a queue of its own is filled up to here."""
MOST_STEP_BYTES = 512 * 1024
"""So much a convoy sends before others have a turn, all of its readers counted."""
MOST_TOGETHER = 32
"""More readers are several convoys: a piece to all of them must not keep live readers waiting."""


@dataclass(frozen=True, slots=True)
class Parting:
    """What a reader takes with it that leaves its convoy and goes on alone.

    Attributes:
        entries: what it still has to get of what has come.
        unsent: tracks of which it got nothing yet.
        begun: video tracks of whose last picture it got only the first packets.
        most_bytes: how much may wait for it.
    """

    entries: Sequence[Entry]
    unsent: frozenset[int]
    begun: frozenset[int]
    most_bytes: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a convoy calls for one of its readers; all but `began` once and last of all.

    Attributes:
        live: everything has been sent; join the reader now.
        behind: too much waits for the reader, or for too long; it has to go on alone.
        stalled: the reader took nothing for too long; close it.
        failed: the reader raised; close it.
        began: the first batch of a track has been sent.
    """

    live: Callable[[], None]
    behind: Callable[[Parting], None]
    stalled: Callable[[], None]
    failed: Callable[[Exception], None]
    began: Callable[[int, PacketBatch], None]


class Convoy:
    """Readers at one place of one stretch, that are sent the same pieces at the same time.

    They share the way out as well (see `Reader.way`); a reader that shares none is alone in its
    convoy. Live batches come behind what is kept, so that order is kept and nothing is missing or
    sent twice.

    Attributes:
        stretch: what they get.
        ways: how they get it.
        number: how many pieces they got.
        due_s: when they may get more.
    """

    __slots__ = (
        "_allowance",
        "_begun",
        "_burst_bytes",
        "_disconnect_s",
        "_last_s",
        "_members",
        "_most_bytes",
        "_most_s",
        "_moved_s",
        "_paced",
        "_queue_bytes",
        "_sends",
        "_since_s",
        "_unsent",
        "_video",
        "_wait_s",
        "due_s",
        "number",
        "stretch",
        "ways",
    )

    def __init__(
        self,
        stretch: Stretch,
        ways: tuple[Hashable | None, ...],
        settings: MountSettings,
        *,
        paced: bool,
        video: Collection[int],
        now: float,
    ) -> None:
        self.stretch = stretch
        self.ways = ways
        self.number = 0
        self.due_s = now
        self._paced = paced
        self._members: dict[Reader, Arrival] = {}
        self._unsent = set(stretch.tracks)
        self._video = frozenset(video)
        self._begun: set[int] = set()
        self._burst_bytes = settings.catch_up_burst_bytes
        self._allowance = float(self._burst_bytes)
        self._queue_bytes = min(MOST_QUEUED_BYTES, settings.slow_reader_max_bytes // 2)
        self._most_bytes = stretch.size_bytes + settings.catch_up_max_bytes
        self._most_s = settings.catch_up_max_s
        self._disconnect_s = settings.slow_reader_disconnect_s
        self._last_s = self._since_s = self._moved_s = now
        self._wait_s = TICK_S
        # What sends each track to all of them; made anew when one has left.
        self._sends: dict[int, Callable[[PacketBatch], None]] = {}

    def __len__(self) -> int:
        return len(self._members)

    @property
    def members(self) -> Collection[Reader]:
        """Who is in it."""
        return self._members.keys()

    @property
    def takes_more(self) -> bool:
        """Whether a reader that begins now can go with it."""
        shared = None not in self.ways
        return shared and not self.number and 0 < len(self._members) < MOST_TOGETHER

    def add(self, reader: Reader, arrival: Arrival) -> None:
        """Take a reader along; there must have been no step yet."""
        self._members[reader] = arrival
        self._sends.clear()

    def remove(self, reader: Reader) -> Parting:
        """Let a reader go, which must be there."""
        del self._members[reader]
        self._sends.clear()
        return self._parting()

    def goes_with(self, other: Convoy) -> bool:
        """Whether both are one from now on: another convoy at the very same place."""
        return (
            self.number == other.number
            and self.stretch is other.stretch
            and self.ways == other.ways
            and None not in self.ways
            and len(self._members) + len(other._members) <= MOST_TOGETHER
        )

    def absorb(self, other: Convoy) -> None:
        """Take over all readers of a convoy that `goes_with` this one: nobody goes faster."""
        self._members |= other._members
        other._members.clear()
        self._sends.clear()
        self._allowance = min(self._allowance, other._allowance)
        self._last_s = max(self._last_s, other._last_s)
        self._since_s = min(self._since_s, other._since_s)
        self._most_bytes = min(self._most_bytes, other._most_bytes)
        self._moved_s = min(self._moved_s, other._moved_s)

    def step(self, now: float) -> None:
        """Send what may be sent now; when that was all, or goes on for too long, part."""
        try:
            sent = self._send_at_pace(now) if self._paced else self._send_into_queue()
        except Exception as error:  # noqa: BLE001 one convoy's fault stays its own
            cause = error
            self._part(lambda arrival: arrival.failed(cause))
            return
        if sent:
            self._moved_s = now
        left_bytes = self.stretch.size_bytes - self.stretch.sent_bytes(self.number)
        if not left_bytes:
            self._part(lambda arrival: arrival.live())
        elif 0 < self._disconnect_s <= now - self._moved_s:
            self._part(lambda arrival: arrival.stalled())
        elif left_bytes > self._most_bytes or now - self._since_s > self._most_s:
            self._part(lambda arrival: arrival.behind(self._parting()))
        else:
            self.due_s = now + self._wait_s

    def _part(self, end: Callable[[Arrival], None]) -> None:
        """Let all go, one by one: the end of one may be that of others too."""
        members = self._members
        while members:
            end(members.pop(next(iter(members))))

    def _parting(self) -> Parting:
        return Parting(
            tuple(self.stretch.rest(self.number)),
            frozenset(self._unsent),
            frozenset(self._begun),
            self._most_bytes,
        )

    def _send_into_queue(self) -> bool:
        """Fill the queue of the only reader."""
        (reader,) = self._members
        sent_bytes = 0
        while (entry := self.stretch.piece(self.number)) is not None:
            if reader.queued_bytes >= self._queue_bytes:
                self._wait_for_room(sent_bytes)
                break
            if sent_bytes >= MOST_STEP_BYTES:
                self._wait_s = 0.0
                break
            # As memory: small packets are as much work as large ones.
            sent_bytes += entry[1].work_bytes
            self._send(entry)
            if not self._members:
                break
        return sent_bytes > 0

    def _send_at_pace(self, now: float) -> bool:
        grown = self._allowance + (now - self._last_s) * self.stretch.rate_bytes_s
        self._last_s = now
        self._allowance = min(self._burst_bytes, grown)
        most_bytes = MOST_STEP_BYTES // len(self._members)
        first = next(iter(self._members))
        sent_bytes = 0
        while (entry := self.stretch.piece(self.number)) is not None:
            size_bytes = entry[1].size_bytes
            if size_bytes > self._allowance < self._burst_bytes:
                lacking_bytes = min(size_bytes, self._burst_bytes) - self._allowance
                self._wait_s = max(TICK_S, lacking_bytes / self.stretch.rate_bytes_s)
                break
            if sent_bytes >= most_bytes:
                self._wait_s = 0.0
                break
            if not first.has_room:
                self._wait_for_room(sent_bytes)
                break
            self._allowance -= size_bytes
            sent_bytes += size_bytes
            self._send(entry)
            if first not in self._members:
                break
        return sent_bytes > 0

    def _wait_for_room(self, sent_bytes: int) -> None:
        self._wait_s = TICK_S if sent_bytes else min(LONGEST_TICK_S, max(TICK_S, self._wait_s * 2))

    def _send(self, entry: Entry) -> None:
        index, batch = entry
        send = self._sends.get(index)
        if send is None:
            members = tuple(self._members)
            send = self._sends[index] = members[0].together(members, index)
        send(batch)
        if not self._members:
            # The last one left by what it was sent, and the convoy with it.
            return
        self.stretch.move(self.number)
        self.number += 1
        if index in self._unsent:
            self._unsent.discard(index)
            for reader in tuple(self._members):
                arrival = self._members.get(reader)
                if arrival is not None:
                    arrival.began(index, batch)
        if index in self._video:
            if batch.ends_picture:
                self._begun.discard(index)
            else:
                self._begun.add(index)
