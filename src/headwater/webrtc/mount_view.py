"""What browsers get of one mount: made while somebody watches, once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial

from headwater.log_pace import paced_logger
from headwater.media.cache_budget import CacheBudget
from headwater.media.mount import Mount
from headwater.media.settings import SoundByWebRtc
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.net.event_loop import EventLoop
from headwater.protocol.rtcp_build import sender_report
from headwater.webrtc.kept_batches import KeptBatches
from headwater.webrtc.opus_track import MakeTranscoder, OpusTrack
from headwater.webrtc.rows import Row, ViewReader, rows_of
from headwater.webrtc.view_batch import ViewBatch
from headwater.webrtc.view_track import ViewTrack

logger = paced_logger(__name__)


class MountView:
    """The tracks of a mount that browsers can play, and what came since the last key frame.

    Attributes:
        mount: whose view it is.
        tracks: by the index of the mount's track.
        left_out: encodings of the tracks that no browser plays over WebRTC.
    """

    def __init__(
        self,
        mount: Mount,
        loop: EventLoop,
        budget: CacheBudget,
        on_deserted: Callable[[], None],
        to_opus: MakeTranscoder | None = None,
    ) -> None:
        """`to_opus` is for mounts whose owner wants it; None where it cannot be had."""
        self.mount = mount
        self._loop = loop
        self._on_deserted = on_deserted
        wanted = mount.settings.audio is SoundByWebRtc.OPUS
        make = to_opus if wanted else None
        views = [(track, self._view_of(track, make)) for track in mount.tracks]
        self.tracks: dict[int, ViewTrack] = {
            track.index: view for track, view in views if view is not None
        }
        self.left_out = tuple(track.media.encoding for track, view in views if view is None)
        self._outlets = {index: _ViewOutlet(self, index) for index in self.tracks}
        self._readers: dict[ViewReader, None] = {}
        # By track, for as long as `rearrange` is not called.
        self._order: dict[int, tuple[list[Row], list[ViewReader]]] = {}
        self._guests = 0
        self._waiting: list[tuple[int, PacketBatch]] = []
        self._kept = KeptBatches(mount, budget)
        self._open = False
        # For those who wait for what the next packets show.
        self._news: asyncio.Event | None = None

    @property
    def has_video(self) -> bool:
        """Whether there are pictures, so that one has to begin with a key frame."""
        return any(track.is_video for track in self.tracks.values())

    @property
    def reordered(self) -> bool:
        """Whether pictures are shown in another order than they come: B-frames."""
        return any(track.reordered for track in self.tracks.values())

    async def until_order_shows(self, within_s: float) -> None:
        """Wait, where that is open, until pictures have shown whether they are `reordered`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while any(track.may_reorder for track in self.tracks.values()):
                    news = self._news = self._news or asyncio.Event()
                    await news.wait()

    def enter(self) -> None:
        """Count one who is about to watch; the first has it begin, with what the mount has kept."""
        self._guests += 1
        if self._open:
            return
        self._open = True
        cache = self.mount.cache
        indexes = tuple(self.tracks)
        place = None if cache is None else cache.place_for(indexes)
        if cache is not None and place is not None:
            for index, batch in cache.entries_from(place, indexes):
                self._take(index, batch)
        for index, outlet in self._outlets.items():
            self.mount.tracks[index].fan_out.add(outlet)

    def leave(self, reader: ViewReader | None = None) -> None:
        """Forget one who was counted by `enter`; with the last one it ends."""
        if reader is not None and reader in self._readers:
            del self._readers[reader]
            self.rearrange()
            for index in reader.tracks:
                self.tracks[index].unlisten()
        self._guests -= 1
        if self._guests == 0:
            self._open = False
            self._kept.forget()
            for index, outlet in self._outlets.items():
                self.mount.tracks[index].fan_out.remove(outlet)
            self._on_deserted()

    def join(self, reader: ViewReader) -> list[ViewBatch]:
        """Give the reader all that comes from now on; return what it has to be sent before that.

        That is empty where nothing is kept: then it begins with the next key frame.
        """
        self._work()
        self._readers[reader] = None
        self.rearrange()
        for index in reader.tracks:
            self.tracks[index].listen()
        return self.kept()

    def rearrange(self) -> None:
        """Look anew at who can be served together, from the next batch on."""
        self._order.clear()

    def kept(self) -> list[ViewBatch]:
        """Return what came since the last key frame, which is its first; empty where it is old."""
        return self._kept.fresh(self._loop.time())

    def request_key_frame(self) -> None:
        """Ask the publisher for a key frame of the pictures."""
        for view in self.tracks.values():
            if view.is_video:
                view.track.request_key_frame()

    def reports(self, ntp: int, cname: str) -> Iterator[tuple[int, bytes]]:
        """Yield a sender report of each track, by its index (RFC 3550 §6.4.1).

        `ntp` is the wall clock now. Where the publisher has told the clocks of all tracks, those
        count: what came together need not have been recorded together.
        """
        now = self._loop.time()
        clocks = {}
        for index, view in self.tracks.items():
            position = view.track.position
            if position is not None and view.packets:
                clocks[index] = position.steady_clock
        told = {index: clock.ntp_at(clock.timestamp_at(now)) for index, clock in clocks.items()}
        trusted = all(value is not None for value in told.values())
        for index, clock in clocks.items():
            view, value = self.tracks[index], told[index]
            yield (
                index,
                sender_report(
                    view.ssrc,
                    ntp=value if trusted and value is not None else ntp,
                    rtp_timestamp=view.rtp_time_of(clock.timestamp_at(now)),
                    packets=view.packets,
                    octets=view.octets,
                    cname=cname,
                ),
            )

    def arrived(self, index: int, batch: PacketBatch) -> None:
        """Note a batch of the publisher; it is cut once its other readers have it."""
        if not self._waiting:
            self._loop.call_soon(self._work)
        self._waiting.append((index, batch))

    def _work(self) -> None:
        waiting, self._waiting = self._waiting, []
        for index, batch in waiting:
            self._give(self._take(index, batch))
        news, self._news = self._news, None
        if news is not None:
            news.set()

    def _give(self, made: Sequence[ViewBatch]) -> None:
        for cut in made:
            order = self._order.get(cut.track)
            if order is None:
                order = self._order[cut.track] = rows_of(self._readers, cut.track)
            rows, alone = order
            for row in rows:
                self._send(cut, row.viewers, row)
            for reader in alone:
                self._send(cut, (reader,))
            cut.forget_layouts()

    def _send(self, cut: ViewBatch, readers: Sequence[ViewReader], row: Row | None = None) -> None:
        """Send to readers: by their row, or where it cannot be, one by one."""
        try:
            if row is None:
                readers[0].send(cut)
            elif not row.send(cut):
                self.rearrange()
                for reader in readers:
                    self._send(cut, (reader,))
        except Exception as error:
            # Their trouble, and nobody else's.
            logger.exception("viewer failed", extra={"mount": self.mount.path})
            for reader in readers:
                reader.send_failed(error)

    def _take(self, index: int, batch: PacketBatch) -> list[ViewBatch]:
        return self._keep(self.tracks[index].batches_of(batch), batch.arrived_s)

    def _keep(self, made: Iterable[ViewBatch], arrived_s: float) -> list[ViewBatch]:
        cuts = list(made)
        for cut in cuts:
            self._kept.add(cut, arrived_s)
        return cuts

    def _view_of(self, track: Track, make: MakeTranscoder | None) -> ViewTrack | None:
        view = ViewTrack.of(track)
        if view is None and make is not None:
            view = OpusTrack.for_track(track, make, self._made_later)
        return view

    def _made_later(self, made: Sequence[ViewBatch]) -> None:
        """Take what a track has made of earlier packets."""
        if self._open:
            self._give(self._keep(made, self._loop.time()))


class _ViewOutlet:
    """One track's way from the mount into its view."""

    def __init__(self, view: MountView, index: int) -> None:
        self._arrived = partial(view.arrived, index)

    def send_batch(self, batch: PacketBatch) -> None:
        self._arrived(batch)

    def send_rtcp(self, batch: PacketBatch) -> None:
        """Take nothing: browsers get reports with numbers of the view."""

    def outlet_failed(self, error: Exception) -> None:
        """Nothing is left to do: the mount has logged it."""
