"""Cameras and players of one measurement, and what they saw."""

import ctypes
import heapq
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from bench.asked_cameras import AskedCameras
from bench.client_ports import SO_TIMESTAMPNS, port_pairs, receive_drops
from bench.native import OVER_TCP, OVER_UDP, PublisherCounters, ReaderCounters, load_library
from bench.rtsp_client import RtspConnection, RtspError, control_url, transport_ports

PACKET_BYTES = 1200
PLAY_ANSWER_S = 10.0
ASKED_S = 60.0
# As real clients do: ffmpeg asks OPTIONS well inside the time-out, receivers report every 5 s.
REPORT_S = 5.0
REPORTS_PER_KEEPALIVE = 3
TICK_S = 0.02
STALLED_BUFFER_BYTES = 64 * 1024
UDP_GROUP, TCP_GROUP = 0, 1
# Every so many readers one compares every byte of what it gets.
CHECK_EVERY = 50

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=bench\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1;profile-level-id=42c01f;"
    "sprop-parameter-sets=Z0LAH9oBQBbk,aM48gA==\r\na=control:streamid=0\r\n"
)


@dataclass(frozen=True, slots=True)
class Picture:
    """What one camera sends."""

    bits_per_s: float = 4e6
    frames_per_s: float = 30.0
    gop_s: float = 2.0
    key_frame_weight: float = 1.0
    packet_bytes: int = PACKET_BYTES

    @property
    def gop_frames(self) -> int:
        return max(1, round(self.gop_s * self.frames_per_s))

    @property
    def frame_bytes(self) -> int:
        """RTP bytes of an ordinary frame, so that the whole GOP has the bit rate asked for."""
        gop_bytes = self.bits_per_s / 8 * self.gop_frames / self.frames_per_s
        return max(100, round(gop_bytes / (self.gop_frames - 1 + self.key_frame_weight)))


@dataclass(slots=True)
class Camera:
    """A publishing session, or one that the server has asked for."""

    connection: RtspConnection | socket.socket
    index: int
    server_ports: tuple[int, int] | None
    sockets: tuple[socket.socket, ...]


@dataclass(slots=True)
class Player:
    """A reading session; `index` is its place among the native readers, -1 when it never reads."""

    connection: RtspConnection
    url: str
    transport: int
    index: int
    rtp: socket.socket | None = None
    rtcp: socket.socket | None = None
    server_rtcp: tuple[str, int] | None = None
    drops_before: int = 0
    keepalive_failed: bool = False


@dataclass(slots=True)
class Fleet:
    """Owns the native load and every session; a context manager that ends all of them.

    With `polls` the readers' loop never sleeps. Waking a sleeping process is work that the kernel
    does in the sender's system call when both are on one machine, and that no sender has when its
    readers are elsewhere.
    """

    reader_room: int
    camera_room: int
    polls: bool = False
    cameras: list[Camera] = field(default_factory=list)
    players: list[Player] = field(default_factory=list)
    library: ctypes.CDLL = field(init=False)
    load: int = field(init=False)
    readers: Any = field(init=False)
    publishers: Any = field(init=False)
    _ports: Iterator[tuple[socket.socket, socket.socket, int]] = field(init=False)
    _due: list[tuple[float, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.library = load_library()
        self.load = self.library.load_new(self.reader_room, self.camera_room)
        self.readers = self.library.load_readers(self.load)
        self.publishers = self.library.load_publishers(self.load)
        self._ports = port_pairs()
        if self.library.load_start_readers(self.load, self.polls):
            raise RuntimeError("cannot start the readers' thread")

    def port_pair(self) -> tuple[socket.socket, socket.socket, int]:
        """A pair of bound sockets, and the port of the first."""
        return next(self._ports)

    def add_camera(self, url: str, picture: Picture, *, over_tcp: bool, phase: float) -> Camera:
        """Publish by ANNOUNCE, SETUP, RECORD; frames begin with `start_cameras`.

        `phase` (0..1) is where in the frame period this camera's frames leave, and where in its
        group it begins: many cameras do not send all of their key frames at the same moment.
        """
        connection = RtspConnection(url)
        connection.request("ANNOUNCE", url, {"Content-Type": "application/sdp"}, SDP.encode())
        sockets: tuple[socket.socket, ...] = ()
        server_ports = None
        if over_tcp:
            offer = "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"
        else:
            rtp, rtcp, port = next(self._ports)
            sockets = (rtp, rtcp)
            offer = f"RTP/AVP/UDP;unicast;client_port={port}-{port + 1};mode=record"
        answer = connection.request("SETUP", f"{url}/streamid=0", {"Transport": offer})
        if not over_tcp:
            server_ports = transport_ports(answer, "server_port")
            host = connection.sock.getpeername()[0]
            for sock, port in zip(sockets, server_ports, strict=True):
                sock.connect((host, port))
        connection.request("RECORD", url, {"Range": "npt=0.000-"})
        index = self._add_publisher(connection.sock, sockets, picture, phase)
        camera = Camera(connection, index, server_ports, sockets)
        self.cameras.append(camera)
        return camera

    def offer_cameras(self, port: int, mounts: Sequence[str], picture: Picture) -> None:
        """Wait on a port until the server has asked for all of these; frames as `add_camera`."""
        with AskedCameras(port, mounts, SDP, self._ports) as offered:
            asked = offered.all_asked(ASKED_S)
        for number, mount in enumerate(mounts):
            camera = asked[mount]
            phase = number / len(mounts)
            index = self._add_publisher(camera.control, camera.sockets, picture, phase)
            self.cameras.append(Camera(camera.control, index, camera.server_ports, camera.sockets))

    def _add_publisher(
        self,
        control: socket.socket,
        sockets: tuple[socket.socket, ...],
        picture: Picture,
        phase: float,
    ) -> int:
        """Have the native load send frames: over the connection where there are no sockets."""
        period_ns = round(1e9 / picture.frames_per_s)
        index: int = self.library.load_add_publisher(
            self.load,
            sockets[0].fileno() if sockets else control.fileno(),
            sockets[1].fileno() if sockets else -1,
            OVER_UDP if sockets else OVER_TCP,
            picture.packet_bytes,
            picture.frame_bytes,
            round(picture.frame_bytes * picture.key_frame_weight),
            picture.gop_frames,
            period_ns,
            round(period_ns * phase),
        )
        self.publishers[index].frame = round(picture.gop_frames * phase)
        return index

    def start_cameras(self) -> None:
        """Begin to send; no camera may be added later."""
        if self.library.load_start_publishers(self.load):
            raise RuntimeError("cannot start the cameras' thread")

    def stamp_arrivals(self, player: Player) -> None:
        """Have the lateness of a player over UDP end at its socket, whenever the load reads it."""
        assert player.rtp is not None, "it plays over UDP"
        player.rtp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.counters(player).kernel_stamps = 1

    def add_player(
        self, url: str, *, over_tcp: bool, camera: int, play: bool = True, stalled: bool = False
    ) -> Player:
        """DESCRIBE, SETUP and (with `play`) PLAY. A stalled one never reads its TCP stream."""
        connection = RtspConnection(url)
        if stalled:
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STALLED_BUFFER_BYTES)
        described = connection.request("DESCRIBE", url, {"Accept": "application/sdp"})
        track = control_url(url, described)
        player = Player(connection, url, OVER_TCP if over_tcp else OVER_UDP, -1)
        checks = len(self.players) % CHECK_EVERY == 0
        if over_tcp:
            offer = "RTP/AVP/TCP;unicast;interleaved=0-1"
            connection.request("SETUP", track, {"Transport": offer})
            if not stalled:
                player.index = self.library.load_add_reader(
                    self.load,
                    connection.sock.fileno(),
                    -1,
                    OVER_TCP,
                    TCP_GROUP,
                    camera,
                    checks,
                )
        else:
            player.rtp, player.rtcp, port = next(self._ports)
            offer = f"RTP/AVP;unicast;client_port={port}-{port + 1}"
            answer = connection.request("SETUP", track, {"Transport": offer})
            server_rtcp = transport_ports(answer, "server_port")[1]
            player.server_rtcp = (connection.sock.getpeername()[0], server_rtcp)
            player.index = self.library.load_add_reader(
                self.load,
                player.rtp.fileno(),
                player.rtcp.fileno(),
                OVER_UDP,
                UDP_GROUP,
                camera,
                checks,
            )
        self.players.append(player)
        if play:
            self._play(player, stalled=stalled)
        if not stalled:
            self._begin_reports(len(self.players) - 1)
        return player

    def _begin_reports(self, number: int) -> None:
        """Spread the players' first reports over a report's interval, by the golden ratio."""
        first_s = time.monotonic() + REPORT_S * (number * 0.618034 % 1.0)
        heapq.heappush(self._due, (first_s, number, number % REPORTS_PER_KEEPALIVE))

    def _play(self, player: Player, *, stalled: bool) -> None:
        connection = player.connection
        headers = {"Range": "npt=0.000-"}
        if stalled:
            connection.sock.sendall(connection.encode("PLAY", player.url, headers))
            return
        reader = self.counters(player)
        reader.play_ns = time.monotonic_ns()
        if player.transport == OVER_UDP:
            connection.request("PLAY", player.url, headers)
            return
        connection.sock.sendall(connection.encode("PLAY", player.url, headers))
        deadline = time.monotonic() + PLAY_ANSWER_S
        while reader.responses == 0:
            if reader.closed or time.monotonic() > deadline:
                raise RtspError(f"PLAY {player.url}: no answer")
            time.sleep(0.0002)
        if reader.last_status != 200:
            raise RtspError(f"PLAY {player.url}: status {reader.last_status}")

    def counters(self, player: Player) -> ReaderCounters:
        """The native counters of a player that reads."""
        counters = self.readers[player.index]
        assert isinstance(counters, ReaderCounters)
        return counters

    def camera_counters(self, index: int) -> PublisherCounters:
        counters = self.publishers[index]
        assert isinstance(counters, PublisherCounters)
        return counters

    def tick(self) -> None:
        """Send the receiver reports and keep-alives that are due."""
        now_s = time.monotonic()
        while self._due and self._due[0][0] <= now_s:
            _, number, rounds = heapq.heappop(self._due)
            player = self.players[number]
            if player.keepalive_failed or self.counters(player).closed:
                continue
            self._report(player)
            if rounds % REPORTS_PER_KEEPALIVE == 0:
                self._keep_alive(player)
            heapq.heappush(self._due, (now_s + REPORT_S, number, rounds + 1))

    def run_for(self, seconds: float) -> None:
        """Let time pass, sessions kept alive."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.tick()
            time.sleep(min(TICK_S, left))

    def _report(self, player: Player) -> None:
        """A receiver report with one block and a CNAME (RFC 3550 6.4.2, 6.5)."""
        counters = self.counters(player)
        ssrc = 0x52000000 + player.index
        source = self.camera_counters(counters.publisher).ssrc
        report = struct.pack(
            "!BBHIIIIIII", 0x81, 201, 7, ssrc, source, 0, counters.last_sequence, 0, 0, 0
        )
        report += struct.pack("!BBHIBB", 0x81, 202, 3, ssrc, 1, 5) + b"bench\0"
        try:
            if player.rtcp is not None and player.server_rtcp is not None:
                player.rtcp.sendto(report, player.server_rtcp)
            else:
                player.connection.sock.sendall(b"$\1" + struct.pack("!H", len(report)) + report)
        except OSError:
            player.keepalive_failed = True

    def _keep_alive(self, player: Player) -> None:
        try:
            player.connection.sock.sendall(player.connection.encode("OPTIONS", player.url))
            if player.transport == OVER_UDP:
                player.connection.drain()
        except OSError:
            player.keepalive_failed = True

    def measure_from(self, seconds: float) -> tuple[int, int]:
        """Open a window from now; only packets sent inside it count for loss and latency."""
        from_ns = time.monotonic_ns()
        to_ns = from_ns + round(seconds * 1e9)
        self.library.load_window(self.load, from_ns, to_ns)
        for player in self.players:
            if player.rtp is not None:
                player.drops_before = receive_drops(player.rtp)
        return from_ns, to_ns

    def generator_drops(self) -> int:
        """Datagrams lost since `measure_from` because the load itself read too late."""
        return sum(
            receive_drops(player.rtp) - player.drops_before
            for player in self.players
            if player.rtp is not None
        )

    def latency_ms(self, groups: tuple[int, ...], share: float) -> float:
        mask = sum(1 << group for group in groups)
        return float(self.library.load_latency_us(self.load, ctypes.c_uint32(mask), share)) / 1e3

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.library.load_stop(self.load)
        for player in self.players:
            for sock in (player.rtp, player.rtcp):
                if sock is not None:
                    sock.close()
            player.connection.close()
        for camera in self.cameras:
            for sock in camera.sockets:
                sock.close()
            camera.connection.close()
        self.library.load_free(self.load)
