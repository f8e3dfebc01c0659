"""A path and what is published there: tracks, the publisher, and the readers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

from headwater.applies import When, kept
from headwater.log_pace import paced_logger
from headwater.media.cache_budget import CacheBudget
from headwater.media.clock import CallLater, Clock, Timer
from headwater.media.counters import MountCounters
from headwater.media.errors import MountClosed
from headwater.media.gop_cache import cache_for
from headwater.media.observer import MountObserver, tell
from headwater.media.publisher import Publisher
from headwater.media.readers.audience import Audience
from headwater.media.readers.catch_up_turns import CatchUpTurns
from headwater.media.readers.reader import EndSoon, Reader
from headwater.media.readers.start_plan import StartPlan, StartPoint
from headwater.media.readers.start_plans import StartPlans
from headwater.media.readers.start_room import StartRoom
from headwater.media.settings import MountSettings
from headwater.media.snapshot import MountSnapshot, ReaderSnapshot, snapshot_of_mount
from headwater.media.states import MountState
from headwater.media.tracks.continuity import Splice
from headwater.media.tracks.fan_out import Outlet
from headwater.media.tracks.key_frame_requests import KeyFrameRequests
from headwater.media.tracks.rtcp_participant import RtcpParticipant
from headwater.media.tracks.track import Track

if TYPE_CHECKING:
    from headwater.protocol.sdp import SessionDescription

__all__ = ["Mount", "MountState", "StartPlan", "StartPoint"]

logger = paced_logger(__name__)

_PICTURE = "video"
_DESCRIPTIONS_KEPT = 2
"""As readers get them: for those that come by IPv4 and those that come by IPv6."""


class Mount:
    """A path with its presentation, tracks, publisher and readers. Made by `MountTable.open`.

    Attributes:
        path: the path it is published under.
        presentation: the publisher's description.
        tracks: one per `m=` line, in order.
        publisher: who fills it, None in GRACE and when CLOSED.
        state: see `MountState`.
        settings: its settings, overrides applied.
        range_text: the Range header of the publisher's RECORD, handed to PLAY; None without one.
        opened_s: when it opened, seconds of the clock.
        publisher_since_s: when its present publisher came.
        counters: plain integers.
        cache: what came since the last key frame; None where nothing is to be kept.
        readers_elsewhere: readers that other processes have of the same path.
    """

    def __init__(
        self,
        path: str,
        presentation: SessionDescription,
        settings: MountSettings,
        *,
        clock: Clock,
        call_later: CallLater,
        cache_budget: CacheBudget,
        turns: CatchUpTurns,
        room: StartRoom,
        end_soon: EndSoon,
        participant: RtcpParticipant,
        observer: MountObserver,
        on_closed: Callable[[Mount], None],
        on_emptied: Callable[[Mount], None],
    ) -> None:
        """Make a mount without a publisher.

        When it closes, `on_closed` is told first, and `on_emptied` once its publisher and its
        readers are gone and its counters change no more.
        """
        self.path = path
        self.presentation = presentation
        self._descriptions: dict[str, bytes] = {}
        self.settings = settings
        self.state = MountState.GRACE
        self.publisher: Publisher | None = None
        self.range_text: str | None = None
        self.opened_s = self.publisher_since_s = clock()
        self.counters = MountCounters()
        self.readers_elsewhere = 0
        self.tracks = tuple(
            Track(
                index,
                media,
                clock=clock,
                on_outlet_error=self._outlet_failed,
                on_key_frame_wanted=self.request_key_frame,
            )
            for index, media in enumerate(presentation.media)
        )
        self._key_frame_requests = [KeyFrameRequests(track, participant) for track in self.tracks]
        self.cache = cache_for(self.tracks, settings, cache_budget)
        self._cache_budget = cache_budget
        self._plans = StartPlans(self.tracks, clock)
        self._room = room
        self._clock = clock
        self._call_later = call_later
        self._observer = observer
        self._on_closed = on_closed
        self._on_emptied = on_emptied
        self._grace_timer: Timer | None = None
        self._grace_began_s = 0.0
        self._splice: Splice | None = None
        # Why it is to end, until its last reader is gone and its end was told.
        self._closes_because: str | None = None
        self._audience = Audience(
            self,
            observer,
            clock=clock,
            call_later=call_later,
            turns=turns,
            room=room,
            end_soon=end_soon,
        )

    @property
    def readers(self) -> tuple[Reader, ...]:
        """The readers it knows: set up, playing or paused."""
        return self._audience.readers

    @property
    def counted_readers(self) -> int:
        """How many readers it has, without processes that pass its packets on."""
        return self._audience.counted

    @property
    def has_demand(self) -> bool:
        """Whether a reader is here for whose sake a source is fetched."""
        return any(reader.keeps_source for reader in self._audience.readers)

    @property
    def open(self) -> bool:
        """Whether it is not CLOSED."""
        return self.state is not MountState.CLOSED

    @property
    def is_over(self) -> bool:
        """Whether it is CLOSED or about to be, so that nobody may wait for another publisher."""
        return self._closes_because is not None or self.state is MountState.CLOSED

    @property
    def last_packet_s(self) -> float:
        """When the last packet came on any track, seconds of the clock; 0.0 for never."""
        return max(track.counters.last_packet_s for track in self.tracks)

    def description(self, address: str) -> bytes:
        """Return the presentation for readers that reach this server by `address`."""
        text = self._descriptions.get(address)
        if text is None:
            if len(self._descriptions) == _DESCRIPTIONS_KEPT:
                del self._descriptions[next(iter(self._descriptions))]
            text = self._descriptions[address] = self.presentation.relayed(address=address)
        return text

    def plan_start(
        self,
        track_indexes: Sequence[int],
        instant_start: bool | None = None,
        *,
        has_counted_queue: bool = False,
    ) -> StartPlan:
        """Say where a reader of these tracks would begin now; nothing changes yet.

        `instant_start` True or False overrides the mount's setting, None leaves it. Who
        `has_counted_queue` gets no kept packets where too much waits for such readers.
        """
        wanted = self.settings.instant_start if instant_start is None else instant_start
        cache = self.cache
        place = cache.place_for(track_indexes) if wanted and cache is not None else None
        if place is not None and has_counted_queue and self._room.full:
            self._room.refusals += 1
            self.counters.late_starts += 1
            place = None
        return self._plans.plan(track_indexes, cache, place)

    def add_reader(self, reader: Reader) -> None:
        """Note a reader from its SETUP on, so that it is closed with the mount.

        One that is known already is fine. Raises MountFull, MountClosed.
        """
        self._require_open()
        self._audience.add(
            reader, limit=self.settings.max_readers, elsewhere=self.readers_elsewhere
        )

    def start_reader(self, reader: Reader, plan: StartPlan) -> None:
        """Send what was planned, paced, then join the reader live: in order, without a gap.

        To be called right after PLAY's answer was written. A reader that plays already begins
        anew by the plan. Raises MountClosed.
        """
        self._require_open()
        self._audience.start(reader, plan)

    def stop_reader(self, reader: Reader, track_indexes: Sequence[int] | None = None) -> None:
        """Stop sending (PAUSE), on some tracks or all; the reader stays known to the mount."""
        self._audience.stop(reader, track_indexes)

    def remove_reader(self, reader: Reader, reason: str = "left") -> None:
        """Forget a reader, whatever it was doing; one that is not known is fine."""
        self._audience.remove(reader, reason)
        self._note_deserted()

    def request_key_frame(self, track: Track) -> None:
        """Ask the publisher for a key frame on one of the mount's tracks.

        It is asked once a second at most, for whatever causes; `KeyFrameRequests` tells what
        becomes of a request within the second. Sound has no key frames, and is not asked for.
        """
        if self.settings.request_key_frames and (
            track.media.kind == _PICTURE or track.has_key_frames
        ):
            self._key_frame_requests[track.index].want(self.publisher, self._clock())

    def publisher_arrived(
        self,
        publisher: Publisher,
        presentation: SessionDescription,
        range_text: str | None = None,
    ) -> None:
        """Give the mount to a publisher whose description fits it; its packets may come now.

        Called by the mount table only. Readers of an earlier publisher go on: the new packets
        continue the old ones.
        """
        if self._grace_timer is not None:
            self._grace_timer.cancel()
            self._grace_timer = None
        if self.counters.publishers:
            positions = {
                track.index: position
                for track in self.tracks
                if (position := track.position) is not None
            }
            lead_s = 0.0 if self._splice is None else self._splice.lead_s
            splice = self._splice = Splice(positions, lead_s)
            for track, media in zip(self.tracks, presentation.media, strict=True):
                track.continue_with(media, splice)
        for track in self.tracks:
            track.expect_one_source(publisher.one_source)
        self.presentation = presentation
        self._descriptions.clear()
        self._plans.forget()
        self.publisher = publisher
        self.range_text = range_text
        self.publisher_since_s = self._clock()
        self.state = MountState.LIVE
        self.counters.publishers += 1
        tell(self._observer.publisher_started, self, publisher)

    def publisher_left(self, publisher: Publisher, reason: str, *, grace: bool = True) -> None:
        """Note that a publisher is gone: GRACE while readers wait, else CLOSED.

        Does nothing for one that is not the present publisher. With `grace` False the mount
        closes at once.
        """
        if publisher is not self.publisher:
            return
        if not grace:
            # Known to those who are told that the publisher has stopped.
            self._closes_because = reason
        self._forget_publisher(reason)
        if not grace or self.settings.grace_s <= 0 or not self._audience.readers:
            self.close(reason)
            return
        self._grace_began_s = self._clock()
        self._grace_timer = self._call_later(self.settings.grace_s, self._grace_over)
        logger.info(
            "publisher gone, readers wait",
            extra={
                "mount": self.path,
                "readers": len(self._audience.readers),
                "grace_s": self.settings.grace_s,
                "cause": reason,
            },
        )

    def replace_publisher(self, reason: str) -> None:
        """Send the present publisher away for another that comes at once.

        Called by the mount table only.
        """
        self._dismiss_publisher(reason)

    def close(self, reason: str) -> None:
        """Close the mount: its publisher is told to go, and so are its readers, a few at a time.

        Again is fine. It is told as closed when the last one is gone.
        """
        if self.state is MountState.CLOSED:
            return
        self._closes_because = reason
        self.state = MountState.CLOSED
        if self._grace_timer is not None:
            self._grace_timer.cancel()
            self._grace_timer = None
        self._on_closed(self)
        self._dismiss_publisher(reason)
        if self._audience.readers:
            self._audience.close(reason)
        else:
            self._note_deserted()

    def check(self, now: float) -> None:
        """Send an idle publisher away, ask for key frames, log who drops packets: once a second."""
        publisher = self.publisher
        timeout_s = self.settings.publisher_idle_timeout_s
        idle_s = now - max(self.last_packet_s, self.publisher_since_s)
        if publisher is not None and 0 < timeout_s < idle_s:
            reason = f"no packet for {idle_s:.0f} s"
            logger.warning(
                "publisher idle",
                extra={
                    "mount": self.path,
                    "session": publisher.id,
                    "peer": publisher.peer,
                    "cause": reason,
                },
            )
            self.publisher_left(publisher, reason)
            _close_contained(publisher, reason, self.path)
        for requests in self._key_frame_requests:
            requests.send_due(self.publisher, now)
        self._audience.log_drops()

    def make_reports(self, now: float, ntp: int, cname: str) -> None:
        """Send readers sender reports on tracks whose publisher sends none; once a second.

        `ntp` is the wall clock as a 64-bit NTP time stamp. Once readers know another, from reports
        of any track, all go by that.
        """
        if self.publisher is None or not self.settings.make_sender_reports:
            return
        since_s = self.publisher_since_s
        due = [track for track in self.tracks if track.report_is_due(now, since_s)]
        if not due:
            return
        known = [clock for track in self.tracks if (clock := track.wall_clock(now)) is not None]
        if known:
            # What a publisher itself says goes before what the server made of arrival times.
            _, ntp = max(known, key=itemgetter(0))
        for track in due:
            track.make_report(now, ntp, cname)

    def apply(self, settings: MountSettings) -> bool:
        """Go by other settings from now on, except what a mount keeps for life (`NEXT_MOUNT`).

        Nobody on it is interrupted. Returns whether any setting differs.
        """
        before, self.settings = self.settings, kept(self.settings, settings, When.NEXT_MOUNT)
        if self.settings == before:
            return False
        self._change_cache()
        if self._grace_timer is not None:
            left_s = self._grace_began_s + self.settings.grace_s - self._clock()
            self._grace_timer.cancel()
            self._grace_timer = self._call_later(max(0.0, left_s), self._grace_over)
        return True

    def disconnect_slow_reader(self, reader: Reader) -> None:
        """Close a reader whose `SlowReaderGate` has expired: logged, counted, told to go."""
        self._audience.disconnect_slow(reader)

    def disconnect_slow_reader_soon(self, reader: Reader) -> None:
        """Do so when its turn comes: a fan-out may be under way."""
        self._audience.disconnect_slow_soon(reader)

    def snapshot(self) -> MountSnapshot:
        """Return the mount as it is now, to keep and to use from any thread."""
        return self.snapshot_with(self.reader_snapshots())

    def reader_snapshots(self) -> Iterator[ReaderSnapshot]:
        """Yield its readers one by one, each as it is when it is asked for."""
        return self._audience.snapshots()

    def reader_snapshot(self, reader: Reader) -> ReaderSnapshot | None:
        """Return one of its readers as it is now; None for somebody else's."""
        return self._audience.snapshot_of(reader)

    def snapshot_with(self, readers: Iterable[ReaderSnapshot]) -> MountSnapshot:
        """Return the mount as it is now, with snapshots of its readers taken just before."""
        return snapshot_of_mount(self, readers, self._clock())

    def _change_cache(self) -> None:
        max_bytes, max_s = self.settings.gop_cache_max_bytes, self.settings.gop_cache_max_s
        if self.cache is None:
            self.cache = cache_for(self.tracks, self.settings, self._cache_budget)
        elif max_bytes and max_s:
            self.cache.set_bounds(max_bytes=max_bytes, max_s=max_s)
        else:
            self.cache.forget()
            self.cache = None
        self._audience.cache_changed()

    def _require_open(self) -> None:
        if self.state is MountState.CLOSED:
            raise MountClosed(f"{self.path} is closed")

    def _forget_publisher(self, reason: str) -> Publisher | None:
        publisher = self.publisher
        if publisher is None:
            return None
        self.publisher = None
        self.counters.kernel_drops += publisher.kernel_drops
        if self.state is MountState.LIVE:
            self.state = MountState.GRACE
        if self.cache is not None:
            self.cache.forget_publisher()
        tell(self._observer.publisher_stopped, self, publisher, reason)
        return publisher

    def _dismiss_publisher(self, reason: str) -> None:
        publisher = self._forget_publisher(reason)
        if publisher is not None:
            _close_contained(publisher, reason, self.path)

    def _grace_over(self) -> None:
        self._grace_timer = None
        self.close(f"no publisher came back in {self.settings.grace_s:g} s")

    def _note_deserted(self) -> None:
        """Go on with the mount's end where its last reader was what it waited for."""
        if self._audience.readers:
            return
        if self.state is MountState.GRACE:
            self.close("publisher gone, no reader waits")
        elif self._closes_because is not None:
            reason, self._closes_because = self._closes_because, None
            self._on_emptied(self)
            tell(self._observer.mount_closed, self, reason)

    def _outlet_failed(self, _outlet: Outlet, error: Exception) -> None:
        self.counters.outlet_errors += 1
        logger.error(
            "an outlet failed and was taken off", exc_info=error, extra={"mount": self.path}
        )


def _close_contained(publisher: Publisher, reason: str, path: str) -> None:
    try:
        publisher.close(reason)
    except Exception:
        logger.exception(
            "a publisher raised while closing", extra={"mount": path, "session": publisher.id}
        )
