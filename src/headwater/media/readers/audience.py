"""The readers of one mount: who waits, who catches up, who is live."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Protocol

from headwater.log_pace import paced_logger
from headwater.media.clock import CallLater, Clock
from headwater.media.counters import MountCounters
from headwater.media.errors import MountFull
from headwater.media.gop_cache import GopCache
from headwater.media.observer import MountObserver, ObservedMount, tell
from headwater.media.readers.catch_up import CatchUp
from headwater.media.readers.catch_up_turns import CatchUpTurns
from headwater.media.readers.convoy import Arrival, Parting
from headwater.media.readers.reader import EndSoon, Reader
from headwater.media.readers.start_plan import StartPlan
from headwater.media.readers.start_room import StartRoom
from headwater.media.readers.stretch import MOST_PIECE_BYTES, MOST_QUEUED_PIECE_BYTES, Stretch
from headwater.media.settings import MountSettings
from headwater.media.snapshot import ReaderSnapshot, snapshot_of_reader
from headwater.media.states import ReaderState
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.protocol.rtcp import SENDER_REPORT
from headwater.protocol.rtp import timestamp

logger = paced_logger(__name__)


@lru_cache(maxsize=256)
def _tracks(indexes: frozenset[int]) -> frozenset[int]:
    """Return the same set for all readers of the same tracks: one of its own takes 216 bytes."""
    return indexes


_NO_TRACKS: frozenset[int] = frozenset()
"""One for all: CPython makes a new empty set of 216 bytes each time."""


class _Seat:
    """What an audience knows of one reader."""

    __slots__ = (
        "catch_up",
        "dropped_seen",
        "joined",
        "reader",
        "reports_held_back",
        "started",
        "state",
        "stretch",
        "tracks",
    )

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.state = ReaderState.READY
        self.started = False
        # What it is sent in a convoy before it is live.
        self.stretch: Stretch | None = None
        # Its own way there, when it could not keep up with the others or leaves a track out.
        self.catch_up: CatchUp | None = None
        # Tracks that are being sent to the reader, by whichever way.
        self.tracks = _NO_TRACKS
        # Those of them that the reader joined live.
        self.joined = _NO_TRACKS
        # Tracks with reports that came while the reader was on its way to the live packets.
        self.reports_held_back = _NO_TRACKS
        self.dropped_seen = 0


class AudienceMount(ObservedMount, Protocol):
    """The mount of an audience, as far as the audience uses it."""

    settings: MountSettings
    counters: MountCounters
    tracks: tuple[Track, ...]
    cache: GopCache | None

    @property
    def open(self) -> bool:
        """Whether it is not CLOSED."""

    def remove_reader(self, reader: Reader, reason: str = "left") -> None:
        """Forget a reader."""

    def request_key_frame(self, track: Track) -> None:
        """Ask the publisher for a key frame."""


class Audience:
    """Brings readers from the cache to the live packets and lets them go again."""

    def __init__(
        self,
        mount: AudienceMount,
        observer: MountObserver,
        *,
        clock: Clock,
        call_later: CallLater,
        turns: CatchUpTurns,
        room: StartRoom,
        end_soon: EndSoon,
    ) -> None:
        self._mount = mount
        self._observer = observer
        self._clock = clock
        self._call_later = call_later
        self._end_soon = end_soon
        self._seats: dict[Reader, _Seat] = {}
        self._playing = 0
        self._relays = 0
        self._turns = turns
        self._room = room
        self._video = frozenset(track.index for track in mount.tracks if track.has_key_frames)
        self._catching_up: dict[_Seat, None] = {}
        # Those of them that go alone.
        self._alone: dict[_Seat, CatchUp] = {}
        # What convoys are on.
        self._stretches: list[Stretch] = []
        self._set_taps()

    @property
    def readers(self) -> tuple[Reader, ...]:
        """Everyone it knows."""
        return tuple(self._seats)

    @property
    def counted(self) -> int:
        """How many of them are readers, not processes that pass the packets on."""
        return len(self._seats) - self._relays

    def add(self, reader: Reader, *, limit: int, elsewhere: int) -> None:
        """Note a reader. Raises MountFull at `limit` (0: none), `elsewhere` ones counted in."""
        if reader in self._seats:
            return
        if limit and not reader.is_relay and self.counted + elsewhere >= limit:
            raise MountFull(f"{self._mount.path} has {limit} readers, the most it may have")
        self._seats[reader] = _Seat(reader)
        self._relays += reader.is_relay

    def start(self, reader: Reader, plan: StartPlan) -> None:
        """Begin, or begin anew, by a plan."""
        seat = self._seats.get(reader)
        if seat is None:
            seat = self._seats[reader] = _Seat(reader)
            self._relays += reader.is_relay
        self._halt(seat)
        seat.tracks = _tracks(frozenset(plan.points))
        if not seat.started:
            seat.started = True
            self._playing += 1
            self._mount.counters.readers += 1
            tell(self._observer.reader_started, self._mount, reader)
        place = self._place(plan)
        # A player that gets packets before it knows their clock may start anew with the report:
        # VLC then throws away what it has decoded.
        self._send_reports(seat, plan)
        if reader not in self._seats:
            return
        if place is not None:
            self._mount.counters.instant_starts += 1
            self._catch_up(seat, place)
        else:
            self._go_live(seat)
        self._request_key_frames(seat, cached=place is not None)

    def stop(self, reader: Reader, track_indexes: Sequence[int] | None) -> None:
        """Stop some tracks or all of a reader, which stays known."""
        seat = self._seats.get(reader)
        if seat is None or not seat.tracks:
            return
        stopped = seat.tracks if track_indexes is None else seat.tracks & set(track_indexes)
        if stopped == seat.tracks:
            self._halt(seat)
            seat.state = ReaderState.PAUSED
            return
        alone: CatchUp | None = None
        if seat.stretch is not None:
            # The others of its convoy go on with all tracks.
            parting = self._turns.leave(reader)
            alone = None if parting is None else self._go_alone(seat, parting)
        for index in stopped:
            if seat.catch_up is not None:
                seat.catch_up.drop_track(index)
            elif index in seat.joined:
                self._leave(seat, index)
        seat.tracks = _tracks(seat.tracks - stopped)
        if alone is not None:
            alone.begin()

    def remove(self, reader: Reader, reason: str) -> None:
        """Forget a reader."""
        seat = self._seats.pop(reader, None)
        if seat is None:
            return
        self._relays -= reader.is_relay
        self._halt(seat)
        if dropped_packets := reader.dropped_packets:
            self._mount.counters.dropped_packets += dropped_packets
            self._mount.counters.dropped_bytes += reader.dropped_bytes
        if not seat.started:
            return
        self._playing -= 1
        tell(self._observer.reader_stopped, self._mount, reader, reason)
        if not self._playing and self._mount.open:
            tell(self._observer.mount_now_empty, self._mount)

    def close(self, reason: str) -> None:
        """Forget all readers and tell them to go, each when its turn comes."""
        for reader in self.readers:
            self._end_soon(reader, partial(self._dismiss, reader, reason))

    def disconnect_slow_soon(self, reader: Reader) -> None:
        """Do `disconnect_slow` when its turn comes: a fan-out may be under way."""
        self._end_soon(reader, partial(self.disconnect_slow, reader))

    def disconnect_slow(self, reader: Reader) -> None:
        """Forget one for being slow too long, and tell it to go."""
        if reader not in self._seats:
            return
        self._mount.counters.slow_disconnects += 1
        reason = "too slow for too long"
        logger.warning("slow reader closed", extra=self._fields(reader, reason))
        self._dismiss(reader, reason)

    def log_drops(self) -> None:
        """Log, in one line, who lost packets since the last call."""
        worst: _Seat | None = None
        most = slow = 0
        for seat in self._seats.values():
            dropped = seat.reader.dropped_packets - seat.reader.undeliverable_packets
            if dropped == seat.dropped_seen:
                continue
            lately, seat.dropped_seen = dropped - seat.dropped_seen, dropped
            slow += 1
            if lately > most:
                worst, most = seat, lately
        if worst is not None:
            fields = self._fields(worst.reader, "queue over its bounds")
            fields |= {
                "dropped_packets": most,
                "queued_bytes": worst.reader.queued_bytes,
                "slow_readers": slow,
            }
            logger.warning("slow reader: packets dropped", extra=fields)

    def snapshots(self) -> Iterator[ReaderSnapshot]:
        """Everyone who is here now, each as they are when asked for."""
        for seat in tuple(self._seats.values()):
            yield snapshot_of_reader(seat.reader, seat.state, seat.tracks)

    def snapshot_of(self, reader: Reader) -> ReaderSnapshot | None:
        """One who is here, as they are now; None for somebody else."""
        seat = self._seats.get(reader)
        return None if seat is None else snapshot_of_reader(reader, seat.state, seat.tracks)

    def cache_changed(self) -> None:
        """Note that the mount keeps packets in another cache, or in none."""
        self._set_taps()

    def _place(self, plan: StartPlan) -> int | None:
        """Where in the cache the reader begins now; None to begin live."""
        cache = self._mount.cache
        if plan.place is None or cache is None:
            return None
        # Where the cache has begun anew meanwhile there would be a gap behind what was planned.
        return plan.place if cache.holds(plan.place) else cache.place_for(plan.track_indexes)

    def _request_key_frames(self, seat: _Seat, *, cached: bool) -> None:
        """Ask for a key frame on the tracks that a reader begins without one."""
        cache = self._mount.cache
        for index in sorted(seat.tracks):
            track = self._mount.tracks[index]
            begins = cached and cache is not None and cache.place_for((index,)) is not None
            if track.has_key_frames and not begins:
                self._mount.request_key_frame(track)

    def _catch_up(self, seat: _Seat, place: int) -> None:
        seat.state = ReaderState.CATCHING_UP
        seat.stretch = stretch = self._stretch(seat, place)
        self._catching_up[seat] = None
        self._room.on_way += not seat.reader.needs_pacing
        self._set_taps()
        self._turns.join(
            seat.reader,
            stretch,
            self._mount.settings,
            video=self._video,
            arrival=self._arrival(seat),
        )

    def _arrival(self, seat: _Seat) -> Arrival:
        return Arrival(
            began=lambda index, batch: self._track_began(seat, index, batch),
            live=lambda: self._caught_up(seat),
            behind=lambda parting: self._fell_behind(seat, parting),
            stalled=lambda: self.disconnect_slow(seat.reader),
            failed=lambda error: self._failed(seat.reader, error),
        )

    def _stretch(self, seat: _Seat, place: int) -> Stretch:
        """The one that others are on from this place, or a new one."""
        most_piece_bytes = MOST_QUEUED_PIECE_BYTES
        if seat.reader.needs_pacing:
            most_piece_bytes = min(MOST_PIECE_BYTES, self._mount.settings.catch_up_burst_bytes)
        for stretch in self._stretches:
            if stretch.is_for(seat.tracks, place, most_piece_bytes):
                return stretch
        cache = self._mount.cache
        assert cache is not None, "the place is one of the cache"  # noqa: S101
        stretch = Stretch(
            seat.tracks,
            place,
            cache.entries_from(place, seat.tracks),
            most_piece_bytes=most_piece_bytes,
            speed=self._mount.settings.catch_up_speed,
            video=self._video,
        )
        self._stretches.append(stretch)
        return stretch

    def _fell_behind(self, seat: _Seat, parting: Parting) -> None:
        self._turns.leave(seat.reader)
        self._go_alone(seat, parting).give_up()

    def _go_alone(self, seat: _Seat, parting: Parting) -> CatchUp:
        """Have a reader that has left its convoy get the rest by itself."""
        self._leave_stretch(seat)
        catch_up = self._alone[seat] = seat.catch_up = CatchUp(
            seat.reader,
            seat.tracks,
            parting.entries,
            self._mount.settings,
            video=self._video,
            clock=self._clock,
            call_later=self._call_later,
            outcome=self._arrival(seat),
            parting=parting,
        )
        return catch_up

    def _leave_stretch(self, seat: _Seat) -> None:
        stretch, seat.stretch = seat.stretch, None
        if stretch is not None and not stretch.travellers:
            self._stretches.remove(stretch)

    def _track_began(self, seat: _Seat, index: int, batch: PacketBatch) -> None:
        """Repeat the report behind a track's first packets.

        gortsplib (MediaMTX) passes over a report of a source that it has no packet of yet, and then
        over every packet up to the next report where it is to tell the wall clock.
        """
        self._send_report(seat, index, timestamp(batch.packets[-1]))

    def _caught_up(self, seat: _Seat) -> None:
        self._mount.counters.caught_up += 1
        self._end_catch_up(seat)
        held_back, seat.reports_held_back = seat.reports_held_back, _NO_TRACKS
        for index in sorted(held_back):
            position = self._mount.tracks[index].position
            self._send_report(seat, index, None if position is None else position.clock.timestamp)
        if seat.reader in self._seats:
            self._go_live(seat)

    def _end_catch_up(self, seat: _Seat) -> None:
        if seat not in self._catching_up:
            return
        del self._catching_up[seat]
        self._room.on_way -= not seat.reader.needs_pacing
        self._turns.leave(seat.reader)
        self._leave_stretch(seat)
        catch_up, seat.catch_up = seat.catch_up, None
        if catch_up is not None:
            del self._alone[seat]
            catch_up.cancel()
            counters = self._mount.counters
            counters.catch_up_skips += catch_up.skips
            counters.dropped_packets += catch_up.skipped_packets
            counters.dropped_bytes += catch_up.skipped_bytes
        self._set_taps()

    def _go_live(self, seat: _Seat) -> None:
        seat.state = ReaderState.LIVE
        for index in sorted(seat.tracks):
            try:
                seat.joined = _tracks(seat.joined | {index})
                seat.reader.join(index, self._mount.tracks[index])
            except Exception as error:  # noqa: BLE001 one reader's fault stays its own
                self._failed(seat.reader, error)
                return

    def _halt(self, seat: _Seat) -> None:
        self._end_catch_up(seat)
        for index in sorted(seat.joined):
            self._leave(seat, index)
        seat.tracks = _NO_TRACKS
        seat.state = ReaderState.PAUSED

    def _leave(self, seat: _Seat, index: int) -> None:
        seat.joined = _tracks(seat.joined - {index})
        try:
            seat.reader.leave(index, self._mount.tracks[index])
        except Exception:
            fields = self._fields(seat.reader, "leave")
            logger.exception("a reader raised while leaving", extra=fields)

    def _failed(self, reader: Reader, error: Exception) -> None:
        logger.error("a reader failed", exc_info=error, extra=self._fields(reader, str(error)))
        self._dismiss(reader, "failed")

    def _dismiss(self, reader: Reader, reason: str) -> None:
        self._mount.remove_reader(reader, reason)
        try:
            reader.close(reason)
        except Exception:
            fields = self._fields(reader, reason)
            logger.exception("a reader raised while closing", extra=fields)

    def _send_reports(self, seat: _Seat, plan: StartPlan) -> None:
        """Give a reader that begins the last sender reports: the next may take seconds."""
        for index in sorted(seat.tracks):
            point = plan.points[index]
            first = point.rtptime if point.first_timestamp is None else point.first_timestamp
            self._send_report(seat, index, first)

    def _send_report(self, seat: _Seat, index: int, at_timestamp: int | None) -> None:
        report = self._mount.tracks[index].report_for(at_timestamp)
        if report is not None:
            self._send_rtcp(seat, index, PacketBatch([report], self._clock()))

    def _send_rtcp(self, seat: _Seat, index: int, batch: PacketBatch) -> None:
        if index not in seat.tracks:
            return
        try:
            seat.reader.send_rtcp(index, batch)
        except Exception as error:  # noqa: BLE001 one reader's fault stays its own
            self._failed(seat.reader, error)

    def _set_taps(self) -> None:
        """Have the tracks tell of batches only where somebody keeps or catches them."""
        cache = self._mount.cache
        tap: Callable[[int, PacketBatch], None] | None = None if cache is None else cache.add
        if self._catching_up:
            tap = self._take
        for track in self._mount.tracks:
            track.tap = tap
            track.rtcp_tap = self._take_rtcp if self._catching_up else None

    def _take(self, index: int, batch: PacketBatch) -> None:
        cache = self._mount.cache
        if cache is not None:
            cache.add(index, batch)
        for stretch in self._stretches:
            if index in stretch.tracks:
                stretch.add(index, batch)
            if batch.key_frame_index >= 0 and not (
                cache is not None and cache.holds(stretch.place)
            ):
                stretch.close()
        for catch_up in self._alone.values():
            catch_up.add(index, batch)

    def _take_rtcp(self, index: int, batch: PacketBatch) -> None:
        # A report of the present is far ahead of what these readers get: time would jump for them.
        others = [packet for packet in batch.packets if packet[1] != SENDER_REPORT]
        for seat in tuple(self._catching_up):
            if len(others) < len(batch) and index in seat.tracks:
                seat.reports_held_back |= {index}
            if others:
                self._send_rtcp(seat, index, PacketBatch(others, batch.arrived_s))

    def _fields(self, reader: Reader, cause: str) -> dict[str, object]:
        return {
            "mount": self._mount.path,
            "session": reader.id,
            "peer": reader.peer,
            "cause": cause,
        }
