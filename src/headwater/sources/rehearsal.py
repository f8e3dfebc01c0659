"""A source that has come back shows for a while that it lasts, before readers get it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from headwater.client.own_mount import OwnMount
from headwater.client.surroundings import Surroundings
from headwater.media.clock import Timer
from headwater.media.publisher import Feed
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.protocol.sdp import SessionDescription

RUN_S: Final = 10.0
"""How long it must have run."""
_KEY_FRAME_WAIT_S: Final = 5.0
"""How much longer it is waited for a key frame, with which readers can go on at once."""


class Rehearsal:
    """A source's packets go into a mount that nobody reads, until it takes over.

    It takes over with a key frame where the codec is known, so that no reader's picture breaks.

    Attributes:
        presentation: what the source sends.
        feed: where its packets come from.
        tracks: of the mount that nobody reads.
    """

    def __init__(
        self,
        around: Surroundings,
        presentation: SessionDescription,
        feed: Feed,
        on_ready: Callable[[], None],
        *,
        must_last: bool,
    ) -> None:
        """`on_ready` is called once, and never at once, when it is to take over.

        One that has not failed need not show that it lasts.
        """
        self.presentation = presentation
        self.feed = feed
        self._own = OwnMount(around)
        self.tracks: Sequence[Track] = self._own.open(presentation, feed).tracks
        self._loop = around.loop
        self._on_ready = on_ready
        self._pictures = next((track for track in self.tracks if track.has_key_frames), None)
        self._kept: list[tuple[int, list[bytes]]] | None = None
        self._timer: Timer | None = None
        if must_last:
            self._timer = self._loop.call_later(RUN_S, self._has_run)
        else:
            self._has_run()

    def hand_over(self, tracks: Sequence[Track]) -> None:
        """Lead the source's packets into other tracks, beginning with the key frame it waited for.

        Its last sender reports go along, so that sound and picture stay in step.
        """
        self.feed.stop()
        reports = [track.last_report for track in self.tracks]
        kept = self._kept or []
        self._forget()
        for index, packets in kept:
            tracks[index].write(packets)
        for track, report in zip(tracks, reports, strict=True):
            if report is not None:
                track.write_rtcp([report])
        self.feed.start(tracks)

    def close(self) -> None:
        """End it; a second call does nothing."""
        self._forget()

    def _has_run(self) -> None:
        if self._pictures is None:
            self._timer = self._loop.call_later(0, self._on_ready)
            return
        for track in self.tracks:
            track.tap = self._look
        self._pictures.request_key_frame()
        self._timer = self._loop.call_later(_KEY_FRAME_WAIT_S, self._on_ready)

    def _look(self, index: int, batch: PacketBatch) -> None:
        if self._kept is not None:
            self._kept.append((index, list(batch.packets)))
        elif self._pictures is not None and index == self._pictures.index:
            first = batch.key_frame_index
            if first >= 0:
                self._kept = [(index, list(batch.packets[first:]))]
                # Not now: the socket that this came by is being read.
                self._cancel_timer()
                self._timer = self._loop.call_later(0, self._on_ready)

    def _forget(self) -> None:
        self._cancel_timer()
        self._kept = None
        for track in self.tracks:
            track.tap = None
        mount, self._own.mount = self._own.mount, None
        if mount is not None:
            # The feed goes on elsewhere, or is ended by whoever runs it.
            mount.publisher_left(self.feed, "rehearsed", grace=False)
        self._own.close("rehearsed")

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
