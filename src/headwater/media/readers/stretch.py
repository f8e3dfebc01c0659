"""What came since a key frame, cut into pieces that all readers on their way to the live packets
share."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator

from headwater.media.tracks.packet_batch import PacketBatch

Entry = tuple[int, PacketBatch]
"""Which track, and what of it."""

LEAST_RATE_BYTES_S = 2_000_000.0
"""Paced readers get at least this much a second, so that the first picture is there at once."""
MOST_PIECE_BYTES = 24 * 1024
"""Paced readers get batches of one track joined up to here: little ones leave in few runs."""
MOST_QUEUED_PIECE_BYTES = 64 * 1024
"""And those with a queue of their own: it leaves in one system call."""


class Stretch:
    """The packets of some tracks from a key frame on, in order of arrival, live ones included.

    Whoever is the first at a place has a piece laid there: little batches of a track joined, large
    ones cut, up to a size. All who come later get the very same piece, and what was built of it.

    Attributes:
        tracks: of which tracks it is.
        place: where in the cache's log it begins.
        size_bytes: what it holds in all, however much of it was sent.
        travellers: how many are on it, now and here or there.
    """

    __slots__ = (
        "_at",
        "_began_s",
        "_closed",
        "_ends",
        "_gone",
        "_lowest",
        "_most_piece_bytes",
        "_pieces",
        "_raw",
        "_speed",
        "_unbegun",
        "place",
        "rate_bytes_s",
        "size_bytes",
        "tracks",
        "travellers",
    )

    def __init__(
        self,
        tracks: frozenset[int],
        place: int,
        entries: Iterable[Entry],
        *,
        most_piece_bytes: int,
        speed: float,
        video: Collection[int] = (),
    ) -> None:
        """Make one of what is kept.

        `speed` is the pace for readers that need one: so many times that of the media. `video` are
        the tracks that show key frames.
        """
        self.tracks = tracks
        self.place = place
        self.travellers = 0
        self.size_bytes = 0
        # The pace at which the media comes, live batches included: a stretch that begins right
        # behind a key frame has nothing else to tell it by.
        self.rate_bytes_s = LEAST_RATE_BYTES_S
        self._speed = speed
        self._began_s: float | None = None
        self._most_piece_bytes = most_piece_bytes
        self._raw: deque[Entry] = deque()
        self._pieces: list[Entry] = []
        # How many pieces are gone from the front.
        self._gone = 0
        self._closed = False
        # How many bytes there are from the beginning to the end of each piece.
        self._ends = [0]
        # How many stand at each place, and the lowest one at which somebody may stand.
        self._at: defaultdict[int, int] = defaultdict(int)
        self._lowest = 0
        # Video tracks of which nothing has come: whoever begins later may not begin in the middle.
        self._unbegun = tracks & frozenset(video)
        for index, batch in entries:
            self.add(index, batch)

    def is_for(self, tracks: frozenset[int], place: int, most_piece_bytes: int) -> bool:
        """Whether a reader of these tracks that begins at this place can go on it."""
        return (
            place == self.place
            and most_piece_bytes == self._most_piece_bytes
            and tracks == self.tracks
            and not self._closed
        )

    def add(self, track_index: int, batch: PacketBatch) -> None:
        """Take a batch that came."""
        self._raw.append((track_index, batch))
        self.size_bytes += batch.size_bytes
        if self._began_s is None:
            self._began_s = batch.arrived_s
        if self._unbegun and track_index in self._unbegun:
            self._unbegun -= {track_index}
            if batch.key_frame_index:
                self.close()
        span_s = batch.arrived_s - self._began_s
        if span_s > 0:
            self.rate_bytes_s = max(LEAST_RATE_BYTES_S, self._speed * self.size_bytes / span_s)

    def piece(self, number: int) -> Entry | None:
        """The piece behind the first `number` ones; None where nothing has come yet."""
        index = number - self._gone
        if index < len(self._pieces):
            return self._pieces[index]
        return self._lay() if self._raw else None

    def sent_bytes(self, number: int) -> int:
        """The size of the first `number` pieces."""
        return self._ends[number]

    def rest(self, number: int) -> Iterator[Entry]:
        """What there is behind the first `number` pieces."""
        yield from self._pieces[number - self._gone :]
        yield from self._raw

    # -- who is where

    def close(self) -> None:
        """Note that nobody comes to its beginning any more: keep only what is ahead of someone."""
        self._closed = True
        self._let_go()

    def enter(self) -> None:
        """Note that a group has come to its beginning."""
        self._at[0] += 1
        self._lowest = 0

    def move(self, number: int) -> None:
        """Note that a group has gone on from one piece to the next."""
        self._at[number] -= 1
        self._at[number + 1] += 1
        self._let_go()

    def depart(self, number: int) -> None:
        """Note that a group is on it no more."""
        self._at[number] -= 1
        self._let_go()

    def _let_go(self) -> None:
        """Forget what was built for pieces that all have passed."""
        at, pieces, gone = self._at, self._pieces, self._gone
        lowest = self._lowest
        while lowest - gone < len(pieces) and not at[lowest]:
            pieces[lowest - gone][1].forget_shared()
            lowest += 1
        self._lowest = lowest
        if self._closed and lowest > gone:
            del pieces[: lowest - gone]
            self._gone = lowest

    # -- pieces

    def _lay(self) -> Entry:
        raw, most_bytes = self._raw, self._most_piece_bytes
        index, batch = raw.popleft()
        joined, size_bytes = [batch], batch.size_bytes
        while raw and raw[0][0] == index and size_bytes + raw[0][1].size_bytes <= most_bytes:
            joined.append(raw.popleft()[1])
            size_bytes += joined[-1].size_bytes
        piece = PacketBatch.join(joined)
        if size_bytes > most_bytes:
            count = _fitting(piece, most_bytes)
            if count < len(piece):
                raw.appendleft((index, piece.between(count, len(piece))))
                piece = piece.between(0, count)
        entry = index, piece
        self._pieces.append(entry)
        self._ends.append(self._ends[-1] + piece.size_bytes)
        return entry


def _fitting(batch: PacketBatch, most_bytes: int) -> int:
    """How many packets of a batch are no more than so many bytes; at least one."""
    size_bytes = 0
    for count, packet_bytes in enumerate(batch.sizes):
        size_bytes += packet_bytes
        if size_bytes > most_bytes:
            return max(1, count)
    return len(batch)
