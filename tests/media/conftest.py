"""A stage for the data plane: a clock and timers moved by hand, publishers, readers, packets."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from struct import pack
from typing import Any

import pytest

from headwater.media.mount import Mount
from headwater.media.mount_table import MountTable
from headwater.media.observer import MountObserver, ObservedMount
from headwater.media.publisher import Publisher
from headwater.media.readers.reader import Reader
from headwater.media.settings import MountOverride, MountSettings
from headwater.media.tracks.fan_out import Outlet
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.protocol.rtcp_build import sender_report
from headwater.protocol.rtp import sequence_number
from headwater.protocol.sdp import SessionDescription

VIDEO = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
AUDIO = "m=audio 0 RTP/AVP 97\na=rtpmap:97 opus/48000/2\n"


@dataclass
class Timer:
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class ByHand:
    """A clock and `call_later` that go on only when told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._queue: list[tuple[float, int, Timer]] = []
        self._count = itertools.count()

    def clock(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._queue, (self.now + delay, next(self._count), timer))
        return timer

    def call_soon(self, callback: Callable[[], None]) -> Timer:
        """For the next `advance`, even by nothing."""
        return self.call_later(0.0, callback)

    def advance(self, seconds: float) -> None:
        until = self.now + seconds
        while self._queue and self._queue[0][0] <= until:
            at, _, timer = heapq.heappop(self._queue)
            self.now = max(self.now, at)
            if not timer.cancelled:
                timer.callback()
        self.now = until

    def advance_clock(self, seconds: float) -> None:
        """Let time pass during which the loop gets no turn."""
        self.now += seconds

    def one_turn(self) -> None:
        """What is due now, and nothing of what that arranges."""
        due = [heapq.heappop(self._queue) for _ in range(len(self._queue))]
        for entry in due:
            if entry[0] > self.now:
                heapq.heappush(self._queue, entry)
            elif not entry[2].cancelled:
                entry[2].callback()

    @property
    def waiting(self) -> int:
        return sum(not timer.cancelled for _, _, timer in self._queue)


class FakePublisher(Publisher):
    def __init__(self, name: str = "p") -> None:
        self.id = name
        self.peer = "192.0.2.1:5000"
        self.user_agent = "test"
        self.transport = "tcp"
        self.closed: list[str] = []
        self.rtcp: list[tuple[int, bytes]] = []
        self.on_close: Callable[[], None] | None = None

    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        self.rtcp.append((track_index, packet))

    def close(self, reason: str) -> None:
        self.closed.append(reason)
        if self.on_close is not None:
            self.on_close()


class ReaderOutlet:
    def __init__(self, reader: FakeReader, index: int) -> None:
        self.reader = reader
        self.index = index

    def send_batch(self, batch: PacketBatch) -> None:
        self.reader.take(self.index, batch)

    def send_rtcp(self, batch: PacketBatch) -> None:
        self.reader.rtcp += [(self.index, packet) for packet in batch.packets]

    def outlet_failed(self, error: Exception) -> None:
        self.reader.errors.append(error)


class FakeReader(Reader):
    """Remembers what it got; refuses to be joined twice or to leave what it did not join."""

    dropped_packets = 0
    dropped_bytes = 0
    has_room = True

    def __init__(self, name: str = "r", *, needs_pacing: bool = False) -> None:
        self.id = name
        self.peer = "192.0.2.9:6000"
        self.user_agent = "test"
        self.transport = "udp" if needs_pacing else "tcp"
        self.needs_pacing = needs_pacing
        self.queue = 0
        self.live: dict[int, Outlet] = {}
        self.packets: list[tuple[int, bytes]] = []
        self.sizes: list[tuple[float, int]] = []
        self.rtcp: list[tuple[int, bytes]] = []
        self.closed: list[str] = []
        self.errors: list[Exception] = []
        self.fail_in: str | None = None
        self.on_batch: Callable[[], None] | None = None

    @property
    def queued_bytes(self) -> int:
        return self.queue

    def _maybe_fail(self, where: str) -> None:
        if self.fail_in == where:
            raise OSError(f"{where} failed")

    def join(self, track_index: int, track: Track) -> None:
        self._maybe_fail("join")
        assert track_index not in self.live
        self.live[track_index] = ReaderOutlet(self, track_index)
        track.fan_out.add(self.live[track_index])

    def leave(self, track_index: int, track: Track) -> None:
        self._maybe_fail("leave")
        track.fan_out.remove(self.live.pop(track_index))

    def send_batch(self, track_index: int, batch: PacketBatch) -> None:
        self._maybe_fail("send_batch")
        assert not self.live, "sent apart while live"
        self.take(track_index, batch)

    def take(self, track_index: int, batch: PacketBatch) -> None:
        assert batch.packets
        assert batch.size_bytes == sum(map(len, batch.packets))
        self.packets += [(track_index, packet) for packet in batch.packets]
        self.sizes.append((batch.arrived_s, batch.size_bytes))
        if self.on_batch is not None:
            self.on_batch()

    def send_rtcp(self, track_index: int, batch: PacketBatch) -> None:
        self._maybe_fail("send_rtcp")
        self.rtcp += [(track_index, packet) for packet in batch.packets]

    def close(self, reason: str) -> None:
        self.closed.append(reason)
        self._maybe_fail("close")

    def seqs(self, track_index: int = 0) -> list[int]:
        return [sequence_number(packet) for index, packet in self.packets if index == track_index]


class Companion(FakeReader):
    """A paced reader that shares its way out with others of the same `shared_way`."""

    def __init__(self, name: str, way: Hashable, groups: list[list[str]]) -> None:
        super().__init__(name, needs_pacing=True)
        self.shared_way = way
        self.groups = groups

    def way(self, track_index: int) -> Hashable | None:
        return self.shared_way, track_index

    def together(
        self, readers: Sequence[Reader], track_index: int
    ) -> Callable[[PacketBatch], None]:
        send = super().together(readers, track_index)

        def noted(batch: PacketBatch) -> None:
            self.groups.append([reader.id for reader in readers])
            send(batch)

        return noted


class Recorder(MountObserver):
    """Writes down every event as (name, what, reason)."""

    def __init__(self) -> None:
        self.events: list[tuple[str, ...]] = []

    @property
    def names(self) -> list[str]:
        return [event[0] for event in self.events]

    def mount_opened(self, mount: ObservedMount) -> None:
        self.events.append(("mount_opened", mount.path))

    def mount_closed(self, mount: ObservedMount, reason: str) -> None:
        self.events.append(("mount_closed", mount.path, reason))

    def publisher_started(self, mount: ObservedMount, publisher: Publisher) -> None:
        self.events.append(("publisher_started", publisher.id))

    def publisher_stopped(self, mount: ObservedMount, publisher: Publisher, reason: str) -> None:
        self.events.append(("publisher_stopped", publisher.id, reason))

    def reader_started(self, mount: ObservedMount, reader: Reader) -> None:
        self.events.append(("reader_started", reader.id))

    def reader_stopped(self, mount: ObservedMount, reader: Reader, reason: str) -> None:
        self.events.append(("reader_stopped", reader.id, reason))

    def mount_now_empty(self, mount: ObservedMount) -> None:
        self.events.append(("mount_now_empty", mount.path))


@dataclass
class Source:
    """One track's packets as a publisher sends them."""

    ssrc: int
    payload_type: int
    seq: int = 0
    timestamp: int = 0
    sent: list[bytes] = field(default_factory=list)

    def packet(self, payload: bytes = b"\x41\x9a", *, marker: bool = False, size: int = 0) -> bytes:
        body = payload + bytes(max(0, size - 12 - len(payload)))
        packet = (
            pack(
                ">BBHII",
                0x80,
                self.payload_type | (0x80 if marker else 0),
                self.seq & 0xFFFF,
                self.timestamp & 0xFFFFFFFF,
                self.ssrc,
            )
            + body
        )
        self.seq += 1
        self.sent.append(packet)
        return packet

    def picture(self, count: int = 3, *, key: bool = False, size: int = 200) -> list[bytes]:
        """A picture of `count` packets: its slice fragmented (RFC 6184 §5.8), the last marked."""
        kind = 5 if key else 1
        packets = []
        for index in range(count):
            edge = (0x80 if index == 0 else 0) | (0x40 if index == count - 1 else 0)
            payload = bytes([0x7C, edge | kind, 0x88])
            packets.append(self.packet(payload, marker=index == count - 1, size=size))
        return packets

    def report(self, ntp: int, timestamp: int | None = None) -> bytes:
        return sender_report(
            self.ssrc,
            ntp=ntp,
            rtp_timestamp=self.timestamp if timestamp is None else timestamp,
            packets=self.seq,
            octets=0,
            cname="camera",
        )


# In a stage, the names of both classes are its own.
Packets = Source


class Stage(ByHand):
    """Everything a test of the data plane needs."""

    VIDEO = VIDEO
    Source = Source
    FakeReader = FakeReader
    FakePublisher = FakePublisher

    def __init__(self) -> None:
        super().__init__()
        self.recorder = Recorder()

    def presentation(self, *media: str) -> SessionDescription:
        return SessionDescription.parse("v=0\n" + "".join(media or (VIDEO, AUDIO)))

    def table(self, overrides: tuple[MountOverride, ...] = (), **settings: Any) -> MountTable:
        return MountTable(
            clock=self.clock,
            call_later=self.call_later,
            settings=MountSettings(**settings),
            overrides=overrides,
            observer=self.recorder,
        )

    def mount_settings(self, **settings: Any) -> MountSettings:
        return MountSettings(**settings)

    def mount(self, *media: str, **settings: Any) -> Mount:
        """A live mount at /cam with a publisher called p."""
        return self.table(**settings).open("/cam", self.presentation(*media), FakePublisher())

    def track(self, media: str = VIDEO) -> Track:
        return Track(0, self.presentation(media).media[0], clock=self.clock)

    def video(self, **values: int) -> Packets:
        given: dict[str, Any] = {"ssrc": 0x1111, "payload_type": 96, "seq": 100}
        return Packets(**given | values)

    def audio(self, **values: int) -> Packets:
        given: dict[str, Any] = {"ssrc": 0x2222, "payload_type": 97, "seq": 500}
        return Packets(**given | values)

    def filled(self, **settings: Any) -> tuple[Mount, Packets, Packets]:
        """A mount with a key frame and ten more pictures in its cache, sound between them."""
        mount = self.mount(**settings)
        video, audio = self.video(), self.audio()
        for number in range(11):
            mount.tracks[0].write(video.picture(3, key=number == 0))
            mount.tracks[1].write([audio.packet()])
            video.timestamp += 3600
            audio.timestamp += 1920
            self.advance(0.04)
        return mount, video, audio

    def kept(self, pictures: int = 40, **settings: Any) -> tuple[Mount, Packets]:
        """A mount of one track with a group of so many pictures of 10 kB, 25 a second."""
        mount, video = self.mount(VIDEO, **settings), self.video()
        for number in range(pictures):
            self.picture(mount, video, key=number == 0)
        return mount, video

    def picture(self, mount: Mount, video: Packets, *, key: bool = False) -> None:
        """A picture of 10 kB on the first track, and the time until the next one."""
        mount.tracks[0].write(video.picture(10, key=key, size=1000))
        video.timestamp += 3600
        self.advance(0.04)

    def companions(self, count: int, way: Hashable = "egress") -> list[Companion]:
        """Readers that share a way; their `groups` tell to whom each batch was sent at once."""
        groups: list[list[str]] = []
        return [Companion(f"{way} {number}", way, groups) for number in range(count)]

    def play(self, mount: Mount, reader: Reader, *tracks: int, instant: bool | None = None) -> None:
        mount.start_reader(reader, mount.plan_start(tracks or (0, 1), instant))


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="session")
def stage_class() -> type[Stage]:
    """For tests that need a stage for each example."""
    return Stage
