"""The access units of one mount, made once for all who take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.configs import TrackConfig
from headwater.codecs.depacketizer import Depacketizer, VideoDepacketizer
from headwater.codecs.depacketizers import depacketizer_for
from headwater.codecs.packet_order import PacketOrder
from headwater.feeds.fed_unit import FedUnit
from headwater.feeds.kept_group import KeptGroup
from headwater.feeds.tap import OnEnd, OnUnit, Tap
from headwater.media.cache_budget import CacheBudget
from headwater.media.clock import CallSoon, Clock
from headwater.media.mount import Mount
from headwater.media.readers.function_reader import FunctionReader
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track

AGENT = "access units"
"""What the feed calls itself among the mount's readers."""


class MountFeed:
    """Reads a mount, from its kept packets on, and gives access units to its taps.

    Attributes:
        mount: what it reads.
        depacketizers: by index, of the tracks whose codec is known.
        orders: what puts the packets of each in order.
        video: indexes of those of them that have pictures.
    """

    def __init__(
        self,
        mount: Mount,
        reader_id: str,
        *,
        clock: Clock,
        call_soon: CallSoon,
        budget: CacheBudget,
        on_over: Callable[[MountFeed], None],
    ) -> None:
        """Make one that has not begun; `on_over` is called once when it reads no more."""
        self.mount = mount
        self.depacketizers: dict[int, Depacketizer[TrackConfig]] = {
            track.index: depacketizer
            for track in mount.tracks
            if (depacketizer := depacketizer_for(track.media)) is not None
        }
        self.orders = {index: PacketOrder() for index in self.depacketizers}
        self._media = {index: mount.tracks[index].media for index in self.depacketizers}
        self.video = frozenset(
            index
            for index, depacketizer in self.depacketizers.items()
            if isinstance(depacketizer, VideoDepacketizer)
        )
        self._call_soon = call_soon
        self._on_over = on_over
        self._group = KeptGroup(mount, self.video, budget)
        # Those that have begun, and those that begin in one of the loop's next turns.
        self._taps: list[Tap] = []
        self._coming: list[Tap] = []
        self._over = False
        self._reader = FunctionReader(
            reader_id,
            self._take,
            clock=clock,
            call_soon=call_soon,
            on_end=self._end,
            user_agent=AGENT,
        )
        # Those for whom it reads are counted themselves.
        self._reader.is_relay = True

    @property
    def configs(self) -> Mapping[int, TrackConfig | None]:
        """What the tracks' decoders are set up with, as far as it is known."""
        return {index: taker.config for index, taker in self.depacketizers.items()}

    @property
    def kept_units(self) -> int:
        """How many access units wait for those who come later."""
        return len(self._group)

    def begin(self, *, instant_start: bool | None) -> None:
        """Start to read. Raises MountFull, MountClosed."""
        self._reader.begin(self.mount, tuple(self.depacketizers), instant_start=instant_start)

    def add(
        self,
        tracks: Sequence[int],
        on_unit: OnUnit,
        on_end: OnEnd | None,
        *,
        instant_start: bool | None,
    ) -> Tap:
        """Return a new tap, which gives what is kept in the loop's next turn, and then goes on."""
        tap = Tap(tracks, self.video, on_unit, on_end, self._leave)
        wanted = self.mount.settings.instant_start if instant_start is None else instant_start
        if wanted and len(self._group):
            self._coming.append(tap)
            self._call_soon(partial(self._join, tap))
        else:
            self._taps = [*self._taps, tap]
        return tap

    def _join(self, tap: Tap) -> None:
        if tap not in self._coming:
            return
        self._coming.remove(tap)
        self._taps = [*self._taps, tap]
        for fed in tuple(self._group.since_key_frame(tap.tracks)):
            tap.give(fed)

    def _leave(self, tap: Tap) -> None:
        self._taps = [one for one in self._taps if one is not tap]
        self._coming = [one for one in self._coming if one is not tap]
        if not (self._taps or self._coming):
            self._stop("nobody takes its access units")

    def _stop(self, reason: str) -> None:
        if self._over:
            return
        self._over = True
        self._group.forget()
        self._on_over(self)
        self._reader.end(reason)

    def _take(self, track: Track, batch: PacketBatch) -> None:
        index = track.index
        if track.media is not self._media[index]:
            self._renew(track, batch.arrived_s)
        taker = self.depacketizers[index]
        feed, in_order = taker.feed, self.orders[index].take
        arrived_s = batch.arrived_s
        for came in batch.look():
            for packet in in_order(came, arrived_s):
                units = feed(packet)
                if units:
                    self._give(index, units, taker.config, arrived_s)
        if isinstance(taker, VideoDepacketizer) and taker.waits_for_key_frame:
            # At most one a second reaches the publisher.
            track.request_key_frame()

    def _give(
        self,
        index: int,
        units: Sequence[AccessUnit],
        config: TrackConfig | None,
        arrived_s: float,
    ) -> None:
        for unit in units:
            fed = FedUnit(index, unit, config, arrived_s)
            if self._over:
                return
            self._group.add(fed)
            # Taps that come or go meanwhile leave this list as it is.
            for tap in self._taps:
                tap.give(fed)

    def _renew(self, track: Track, arrived_s: float) -> None:
        """Go on with what another publisher says of the track."""
        index = track.index
        self._flush(index, arrived_s)
        self._media[index] = track.media
        taker = depacketizer_for(track.media)
        if taker is not None:
            self.depacketizers[index] = taker

    def _flush(self, index: int, arrived_s: float) -> None:
        """Give what waits for more that will not come."""
        taker = self.depacketizers[index]
        for packet in self.orders[index].flush():
            self._give(index, taker.feed(packet), taker.config, arrived_s)
        self._give(index, taker.flush(), taker.config, arrived_s)

    def _end(self, reason: str) -> None:
        """Learn that the reader has ended, behind the last batch."""
        if self._over:
            return
        for tap in tuple(self._coming):
            self._join(tap)
        for index in self.depacketizers:
            self._flush(index, self.mount.tracks[index].counters.last_packet_s)
        taps, self._taps = self._taps, []
        self._stop(reason)
        for tap in taps:
            tap.end(reason)
