"""A mount's whole life: publishers that send anything, readers that come and go, and time."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from contextlib import suppress

from fuzz.quiet_log import be_quiet
from fuzz.target import Target
from headwater.media.errors import MountBusy, MountClosed, MountFull
from headwater.media.mount import Mount
from headwater.media.mount_table import MountTable
from headwater.media.publisher import Publisher
from headwater.media.readers.reader import Reader
from headwater.media.settings import MountSettings, SecondPublisher
from headwater.media.tracks.fan_out import Outlet
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.protocol.rtp import is_rtp
from headwater.protocol.sdp import SessionDescription

PRESENTATION = SessionDescription.parse(
    "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 0 RTP/AVP 97\na=rtpmap:97 opus/48000\n"
)
SETTINGS = MountSettings(
    grace_s=2.0,
    on_second_publisher=SecondPublisher.REPLACE,
    gop_cache_max_bytes=2_000,
    catch_up_burst_bytes=400,
    catch_up_max_bytes=1_500,
    publisher_idle_timeout_s=5.0,
)
PATH = "/cam"
be_quiet()


class _Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class _Time:
    """A clock and timers that go on only when told."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self._timers: list[tuple[float, int, _Timer]] = []
        self._numbers = itertools.count()

    def clock(self) -> float:
        return self.now_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> _Timer:
        timer = _Timer(callback)
        heapq.heappush(self._timers, (self.now_s + delay_s, next(self._numbers), timer))
        return timer

    def pass_by(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while self._timers and self._timers[0][0] <= until_s:
            at_s, _, timer = heapq.heappop(self._timers)
            self.now_s = max(self.now_s, at_s)
            if not timer.cancelled:
                timer.callback()
        self.now_s = until_s


class _Sender(Publisher):
    def __init__(self) -> None:
        self.id, self.peer, self.user_agent, self.transport = "p", "192.0.2.1:5", "", "tcp"
        self.closed = False

    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        assert not self.closed, "asked after its end"
        assert packet

    def close(self, reason: str) -> None:
        assert reason
        self.closed = True


class _Watcher(Reader):
    """Counts what it gets; every other one breaks now and then, as sockets do."""

    def __init__(self, number: int) -> None:
        self.id, self.peer, self.user_agent, self.transport = str(number), "192.0.2.2:6", "", "udp"
        self.needs_pacing = number % 2 == 0
        self.breaks_at = 5 if number % 3 == 2 else 0
        self.queue = 0
        self.live: dict[int, Outlet] = {}
        self.batches = 0
        self.closed = False

    @property
    def queued_bytes(self) -> int:
        return self.queue

    def join(self, track_index: int, track: Track) -> None:
        assert track_index not in self.live, "joined twice"
        self.live[track_index] = _Leg(self)
        track.fan_out.add(self.live[track_index])

    def leave(self, track_index: int, track: Track) -> None:
        track.fan_out.remove(self.live.pop(track_index))

    def send_batch(self, track_index: int, batch: PacketBatch) -> None:
        assert track_index not in self.live, "sent apart while live"
        self.take(batch)

    def take(self, batch: PacketBatch) -> None:
        assert batch.packets
        assert all(is_rtp(packet) for packet in batch.packets)
        assert batch.size_bytes == sum(map(len, batch.packets))
        self.batches += 1
        if self.batches == self.breaks_at:
            raise OSError("broken")

    def send_rtcp(self, track_index: int, batch: PacketBatch) -> None:
        assert all(batch.packets)

    def close(self, reason: str) -> None:
        assert not self.closed, "closed twice"
        self.closed = True


class _Leg:
    def __init__(self, reader: _Watcher) -> None:
        self._reader = reader

    def send_batch(self, batch: PacketBatch) -> None:
        self._reader.take(batch)

    def send_rtcp(self, batch: PacketBatch) -> None:
        assert all(batch.packets)

    def outlet_failed(self, error: Exception) -> None:
        assert isinstance(error, OSError), error


class _Stage:
    """One history, told by bytes."""

    def __init__(self) -> None:
        self.time = _Time()
        self.table = MountTable(
            clock=self.time.clock, call_later=self.time.call_later, settings=SETTINGS
        )
        self.publisher: _Sender | None = None
        self.readers: list[tuple[Mount, _Watcher]] = []

    def act(self, kind: int, payload: bytes) -> None:
        mount = self.table.get(PATH)
        match kind % 8:
            case 0:
                self.publisher = _Sender()
                self.table.open(PATH, PRESENTATION, self.publisher)
            case 1 if mount is not None and self.publisher is not None:
                mount.publisher_left(self.publisher, "left")
            case 2 if mount is not None and len(self.readers) < 6:
                reader = _Watcher(len(self.readers))
                mount.add_reader(reader)
                self.readers.append((mount, reader))
                tracks = ((0,), (1,), (0, 1))[kind // 8 % 3]
                mount.start_reader(reader, mount.plan_start(tracks, bool(kind & 0x80)))
            case 3 if self.readers:
                home, reader = self.readers[kind // 8 % len(self.readers)]
                if kind & 0x80:
                    home.stop_reader(reader)
                else:
                    home.remove_reader(reader)
            case 4:
                self.time.pass_by(kind / 40)
                if mount is not None:
                    mount.check(self.time.now_s)
            case 5 if kind & 0x80 and mount is not None:
                mount.request_key_frame(mount.tracks[kind // 8 % 2])
            case 5 if self.readers:
                self.readers[kind // 8 % len(self.readers)][1].queue = kind * 100
            case _ if mount is not None and self.publisher is mount.publisher is not None:
                track = mount.tracks[kind // 8 % 2]
                if kind & 0x80:
                    track.write_rtcp([payload])
                else:
                    head = bytes([0x80, 96, kind // 16, len(payload)]) + bytes(8)
                    track.write([head + part for part in payload.split(b"\xee")])

    def end(self) -> None:
        for mount in tuple(self.table):
            mount.close("over")
        assert len(self.table) == 0
        for mount, reader in self.readers:
            assert not reader.live, "a reader was left on a closed mount"
            mount.remove_reader(reader)
        self.time.pass_by(1_000)


def run(data: bytes) -> None:
    stage = _Stage()
    at = 0
    while at + 2 <= len(data):
        kind, size = data[at], data[at + 1] % 64
        with suppress(MountBusy, MountClosed, MountFull):
            stage.act(kind, data[at + 2 : at + 2 + size])
        at += 2 + (size if kind % 8 > 5 else 0)
    stage.end()


TARGET = Target(
    invariant="whoever comes, goes, breaks or sends anything at any time, only RTP is handed on, "
    "nobody is closed twice, and a mount that ends leaves nobody behind",
    run=run,
    words=(b"\x06\x02\x65\x88", b"\x00\x00", b"\x02\x00", b"\x82\x00", b"\x01\x00", b"\xfc\x00"),
    max_bytes=400,
)
