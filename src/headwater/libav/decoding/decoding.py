"""One decoder for one track, shared by everybody who wants its frames."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from av import VideoFrame

from headwater.codecs.configs import TrackConfig
from headwater.feeds.fed_unit import FedUnit
from headwater.http.settings import DecodingPlace
from headwater.libav.decoding.coded_unit import CodedUnit
from headwater.libav.decoding.decode_thread import DecodeThread
from headwater.libav.decoding.decoder import Decoded, Decoder, UnitDecoder
from headwater.libav.decoding.errors import FramesError
from headwater.libav.decoding.media_source import MediaSource
from headwater.libav.decoding.picture import Picture
from headwater.libav.decoding.place import Place
from headwater.libav.decoding.sound import Sound
from headwater.libav.decoding.unit_maker import UnitMaker, decodable_track
from headwater.log_pace import paced_logger
from headwater.media.errors import MountClosed, MountFull
from headwater.media.mount import Mount
from headwater.media.tracks.track import Track

logger = paced_logger(__name__)

LINGER_S = 5.0
"""How long it goes on when nobody wants frames any more: the next one may come soon."""

Content = Picture | Sound


class _Arrived(NamedTuple):
    """What a decoder gave, before the loop has it."""

    frame: Decoded
    coded: CodedUnit
    undecoded: int
    run_number: int


class Consumer(Protocol):
    """Who wants the frames; called in the loop."""

    key_frames_only: bool

    def offer(self, content: Content) -> None:
        """Take a frame that was decoded now."""

    def pause(self) -> None:
        """The publisher is gone; another may come."""

    def end(self, error: FramesError) -> None:
        """No frame will come any more."""


class Decoding:
    """Decodes one track from its first consumer on, until some seconds after its last.

    Attributes:
        newest: what was decoded last; None before the first, and while nothing is decoded.
    """

    def __init__(
        self,
        source: MediaSource,
        kind: str,
        *,
        track: int | None = None,
        device: str | None = None,
        decode_in: DecodingPlace = DecodingPlace.THREAD,
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        """Make it; nothing happens before the first consumer.

        Args:
            source: finds what is decoded.
            kind: `video` or `audio`.
            track: the index of the track; the first of its kind unless given.
            device: what decodes in hardware.
            decode_in: where the decoder works.
            on_idle: called when it has stopped because nobody wants frames.
        """
        self.newest: Content | None = None
        self._source = source
        self._kind = kind
        self._chosen_track = track
        self._track: Track | None = None
        self._device = device
        self._decode_in = decode_in
        self._on_idle = on_idle
        self._loop = asyncio.get_running_loop()
        self._consumers: set[Consumer] = set()
        self._task: asyncio.Task[None] | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._units = UnitMaker(self._decode)
        self._thread: DecodeThread | None = None
        self._set_up: tuple[TrackConfig, int] | None = None
        self._timeline = _Timeline()
        self._decoded = 0
        self._undecoded_before = 0
        self._key_frames_only = False
        self._waits_for_key = False
        self._lock = threading.Lock()
        self._arrived: list[_Arrived] = []
        self._run_number = 0

    @property
    def consumers(self) -> int:
        """How many want its frames."""
        return len(self._consumers)

    def join(self, consumer: Consumer) -> None:
        """Give a consumer every frame from now on."""
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        self._consumers.add(consumer)
        self._key_frames_only = all(one.key_frames_only for one in self._consumers)
        if self.newest is not None:
            consumer.offer(self.newest)
        if self._task is None:
            self._task = self._loop.create_task(self._run(), name=f"frames of {self._source.name}")

    def leave(self, consumer: Consumer) -> None:
        """Give it none any more; a second call does nothing."""
        self._consumers.discard(consumer)
        if self._consumers:
            self._key_frames_only = all(one.key_frames_only for one in self._consumers)
        elif self._task is not None and self._linger is None:
            self._linger = self._loop.call_later(LINGER_S, self.stop)

    def stop(self) -> None:
        """Stop decoding at once."""
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        self._stop_thread()
        self.newest = None
        if not self._consumers:
            self._on_idle()

    async def _run(self) -> None:
        try:
            await self._source.run(self._read)
        except FramesError as error:
            self.end(error)
        except Exception as error:
            logger.exception("frames failed", extra={"mount": self._source.name})
            self.end(FramesError(f"{self._source.name}: {type(error).__name__}: {error}"))

    def end(self, error: FramesError) -> None:
        """Stop decoding, and tell all consumers that nothing more will come."""
        consumers, self._consumers = self._consumers, set()
        for consumer in consumers:
            consumer.end(error)
        self.stop()

    async def _read(self, mount: Mount) -> None:
        """Decode a mount's track until the mount is over."""
        index = decodable_track(mount.presentation, self._kind, self._chosen_track)
        track = self._track = mount.tracks[index]
        self._units.begin(track.media)
        over: asyncio.Future[str] = self._loop.create_future()
        feeds = self._source.feeds

        def take(fed: FedUnit) -> None:
            feed = feeds.get(mount)
            lost = 0 if feed is None else feed.depacketizers[index].counters.lost_packets
            self._units.take(fed, track, lost)

        def end(reason: str) -> None:
            if not over.done():
                over.set_result(reason)

        try:
            tap = feeds.take(mount, take, on_end=end, tracks=(index,), instant_start=True)
        except (MountFull, MountClosed) as error:
            raise FramesError(f"{self._source.name}: {error}") from error
        try:
            await over
        finally:
            tap.close()
            self._stop_thread()
            # Who comes now wants pictures of the next publisher, however long that takes.
            self.newest = None
            for consumer in tuple(self._consumers):
                consumer.pause()

    def _decode(self, coded: CodedUnit, config: TrackConfig, clock_rate_hz: int) -> None:
        if self._set_up is None or self._must_set_up_again(config):
            self._stop_thread()
            self._set_up = config, clock_rate_hz
        if coded.unit.key_frame:
            self._waits_for_key = False
        elif self._key_frames_only or self._waits_for_key:
            # What was not decoded is missing for all that follows, up to the next key frame.
            self._waits_for_key = True
            return
        thread = self._thread
        if thread is None:
            self._run_number += 1
            self._timeline.begin(coded, clock_rate_hz)
            thread = self._thread = DecodeThread(
                partial(self._make_decoder, config, clock_rate_hz),
                partial(self._note, self._run_number),
                name=f"frames {self._source.name}",
            )
        thread.put(coded)
        if thread.problem is not None:
            self.end(FramesError(f"{self._source.name}: {thread.problem}"))
            return
        if thread.waits_for_key_frame and self._track is not None:
            self._track.request_key_frame()

    def _make_decoder(self, config: TrackConfig, clock_rate_hz: int) -> UnitDecoder:
        if self._decode_in is DecodingPlace.THREAD:
            return Decoder(config, clock_rate_hz, device=self._device)
        # Loaded where it is asked for: not every system has what it needs.
        from headwater.libav.decoding.apart.process_decoder import ProcessDecoder

        return ProcessDecoder(config, clock_rate_hz, device=self._device)

    def _must_set_up_again(self, config: TrackConfig) -> bool:
        # Pictures carry their parameter sets themselves; sound does not.
        assert self._set_up is not None  # noqa: S101 - asked only then
        return self._kind == "audio" and config != self._set_up[0]

    def _note(
        self, run_number: int, decoded: Sequence[tuple[Decoded, CodedUnit]], undecoded: int
    ) -> None:
        """Take what the thread decoded; called there."""
        arrived = [_Arrived(frame, unit, undecoded, run_number) for frame, unit in decoded]
        with self._lock:
            wake = not self._arrived
            self._arrived.extend(arrived)
        if wake:
            try:
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                # The loop is closed: nobody is left to take it.
                self._arrived.clear()

    def _deliver(self) -> None:
        with self._lock:
            arrived, self._arrived = self._arrived, []
        for one in arrived:
            if one.run_number == self._run_number and self._thread is not None:
                self._give(one)

    def _give(self, arrived: _Arrived) -> None:
        frame, coded = arrived.frame, arrived.coded
        place = Place(
            index=self._decoded,
            pts_s=self._timeline.pts_s(coded),
            lost_packets=coded.lost_packets,
            undecoded=self._undecoded_before + arrived.undecoded,
        )
        content: Content
        if isinstance(frame, VideoFrame):
            content = Picture(frame, coded, place)
        else:
            content = Sound(frame, coded, place)
        self._decoded += 1
        self.newest = content
        for consumer in tuple(self._consumers):
            consumer.offer(content)

    def _stop_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()
            self._undecoded_before += thread.undecoded_units


class _Timeline:
    """Seconds since the first frame, over all runs of the decoder."""

    def __init__(self) -> None:
        self._clock_rate_hz = 1
        self._begins_at = 0
        self._begins_s = 0.0
        self._last: tuple[float, float] | None = None

    def begin(self, coded: CodedUnit, clock_rate_hz: int) -> None:
        """Go on with another run: as much later as it came later."""
        if self._last is not None:
            pts_s, arrived_s = self._last
            self._begins_s = pts_s + max(0.0, coded.arrived_s - arrived_s)
        self._begins_at = coded.position
        self._clock_rate_hz = clock_rate_hz

    def pts_s(self, coded: CodedUnit) -> float:
        """Return when a frame is shown."""
        pts_s = self._begins_s + (coded.position - self._begins_at) / self._clock_rate_hz
        self._last = pts_s, coded.arrived_s
        return pts_s
