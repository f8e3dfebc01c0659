"""A real server whose loop is turned by hand, with peers on plain sockets.

Nothing but the server's own work is between the first and the last turn of the loop, so it can be
counted; the peers send before and look after.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import replace

from inside import Inside, inside
from own_ports import own_port

from headwater import RtspServer
from headwater.cluster.bus.frames import Kind, batch_frame, description_frame
from headwater.cluster.bus.receiving import BusPublisher
from headwater.cluster.leases import Tenure
from headwater.config.settings import Settings
from headwater.http.settings import HttpSettings
from headwater.media.settings import MountSettings
from headwater.media.tracks.track import Track
from headwater.protocol.header import transport as transport_header
from headwater.webrtc.settings import WebRtcSettings

DEADLINE_S = 20.0
BATCH = 14
PACKET_BYTES = 1200
PATH = "camera"
RTP_PORT_START = own_port(0)
SDP = (
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=cost\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    b"a=fmtp:96 packetization-mode=1\r\na=control:streamid=0\r\n"
)
# An FU-A fragment of a picture that is no key frame, neither its first nor its last (RFC 6184).
FRAGMENT = b"\x5c\x01"
# The first one of a key frame.
KEY_FRAME = b"\x7c\x85\x88"
SESSION_METHODS = ("DESCRIBE", "SETUP", "PLAY", "TEARDOWN")


class DataPlane:
    """A server with one mount of one H.264 track."""

    def __init__(
        self,
        mounts: MountSettings,
        *,
        has_web: bool = False,
        new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.SelectorEventLoop,
    ) -> None:
        self.loop = new_loop()
        self.server = RtspServer(
            host="127.0.0.1",
            publish_port=0,
            rtp_port_start=RTP_PORT_START,
            rtp_port_count=400,
            # Between its batches the publisher may be silent for as long as counting takes.
            settings=Settings(
                mounts=replace(mounts, publisher_idle_timeout_s=3600.0),
                http=HttpSettings(port=0 if has_web else None),
                webrtc=WebRtcSettings(port=0),
            ),
        )
        self.loop.run_until_complete(self.server.start())
        self._seq = 0
        self._cseq = 0
        self._sockets: list[socket.socket] = []
        self._turn: Callable[[], None] = self.turn_once
        self._publish: Callable[[list[bytes]], None] | None = None
        self.tcp_readers: list[socket.socket] = []

    @property
    def track(self) -> Track:
        """The only track of the only mount."""
        return next(iter(self.service.mounts)).tracks[0]

    @property
    def service(self) -> Inside:
        """The server's inner side."""
        return inside(self.server)

    def close(self) -> None:
        """Stop the server and close everyone's sockets."""
        for sock in self._sockets:
            sock.close()
        self.loop.run_until_complete(self.server.stop())
        self.loop.close()

    def turn_once(self) -> None:
        """One turn of the loop, without waiting."""
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()

    def turn_until(
        self, condition: Callable[[], object], turn: Callable[[], None] | None = None
    ) -> None:
        """Turns of the loop until something has come true."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, "the server does not get there"
            (turn or self._turn)()

    # -- peers

    def connect(self) -> socket.socket:
        """A new RTSP connection."""
        sock = socket.create_connection(("127.0.0.1", self.server.publish_port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        self._sockets.append(sock)
        return sock

    def ask(
        self, sock: socket.socket, method: str, url: str, *headers: str, body: bytes = b""
    ) -> str:
        """Send a request; return the head of its answer, which must be 200."""
        self.send_request(sock, method, url, *headers, body=body)
        answer = bytearray()

        def answered() -> bool:
            try:
                answer.extend(sock.recv(65_536))
            except BlockingIOError:
                return False
            return b"\r\n\r\n" in answer

        self.turn_until(answered)
        head = bytes(answer).partition(b"\r\n\r\n")[0].decode()
        assert head.startswith("RTSP/1.0 200 "), f"{method}: {head}"
        return head

    def send_request(
        self, sock: socket.socket, method: str, url: str, *headers: str, body: bytes = b""
    ) -> None:
        """Send a request only."""
        self._cseq += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._cseq}", *headers]
        if body:
            lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        sock.sendall("\r\n".join((*lines, "", "")).encode() + body)

    def publish(self, *, over_tcp: bool) -> None:
        """Publish the mount."""
        sock, url = self.connect(), self.server.publish_url(PATH)
        rtp = None if over_tcp else self._udp_pair()
        transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
        if rtp is not None:
            transport = _over_udp(rtp)
        session = _session(self.ask(sock, "ANNOUNCE", url, body=SDP))
        setup = self.ask(
            sock, "SETUP", f"{url}/streamid=0", session, f"Transport: {transport};mode=record"
        )
        self.ask(sock, "RECORD", url, session)
        if rtp is None:
            self._publish = lambda packets: sock.sendall(b"".join(map(_frame, packets)))
            return
        rtp.connect(("127.0.0.1", int(setup.partition("server_port=")[2].partition("-")[0])))

        def send(packets: list[bytes]) -> None:
            for packet in packets:
                rtp.send(packet)

        self._publish = send

    def pull(self) -> None:
        """Fill the mount as one that is pulled from another worker."""
        own, other = socket.socketpair()
        self._sockets.append(own)
        relay = self.service.relay
        tenure = Tenure(f"/{PATH}", "worker-2", 1)
        publisher = BusPublisher(relay, tenure, other, lambda *_: None)
        own.sendall(description_frame(1, None, SDP))
        self.turn_until(lambda: publisher.mount)
        self._publish = lambda packets: own.sendall(
            batch_frame(Kind.RTP, 0, packets, relay.clock())
        )

    def play_over_tcp(self, first_channel: int = 0) -> socket.socket:
        """A reader on one connection that never reads by itself."""
        sock, url = self.connect(), self.server.play_url(PATH)
        channels = f"{first_channel}-{first_channel + 1}"
        transport = f"Transport: RTP/AVP/TCP;unicast;interleaved={channels}"
        setup = self.ask(sock, "SETUP", f"{url}/trackID=0", transport)
        self.ask(sock, "PLAY", url, _session(setup))
        self.tcp_readers.append(sock)
        return sock

    def play_over_udp(self) -> None:
        """A reader whose sockets nobody reads."""
        sock, session = self.set_up(f"Transport: {_over_udp(self._udp_pair())}")
        self.ask(sock, "PLAY", self.server.play_url(PATH), session)

    def set_up(self, transport: str) -> tuple[socket.socket, str]:
        """A reader that is ready to play; return its connection and its Session header."""
        sock, url = self.connect(), self.server.play_url(PATH)
        return sock, _session(self.ask(sock, "SETUP", f"{url}/trackID=0", transport))

    def crowd(self, readers: int, *, over_tcp: bool) -> Callable[[], None]:
        """Set up readers; return what has all of them play, and turns the loop until all are live.

        Over TCP their sockets take more than there is.
        """
        ready = []
        for _ in range(readers):
            if over_tcp:
                ready.append(self.set_up("Transport: RTP/AVP/TCP;unicast;interleaved=0-1"))
            else:
                ready.append(self.set_up(f"Transport: {_over_udp(self._udp_pair())}"))
        mount = next(iter(self.service.mounts))
        # Where a group is kept for them they are live when they have caught up, else at once.
        kept = mount.cache is not None and bool(mount.cache.entries)

        def live() -> int:
            return mount.counters.caught_up if kept else mount.counters.readers

        def play() -> None:
            wanted = live() + readers
            # Else it would go by the requests before how many of these have their turn together.
            self.service.rtsp._around.turns._begun = 0
            for sock, session in ready:
                self.send_request(sock, "PLAY", self.server.play_url(PATH), session)
            self.turn_until(lambda: live() >= wanted)

        return play

    def whole_session(self, serve: Callable[[], None], *, over_tcp: bool = False) -> None:
        """One reader's connection, its four requests, and its end.

        `serve` is called instead of `turn_once` while the server has something to do.
        """
        connections = len(self.service.connections)
        # As players do; else how often a number was seen before would make a difference.
        self._cseq = 0
        if not over_tcp:
            # Else whether the system gave the same ports before would make one.
            transport_header._remembered.cache_clear()
        sock, url = self.connect(), self.server.play_url(PATH)
        way = "RTP/AVP/TCP;unicast;interleaved=0-1" if over_tcp else _over_udp(self._udp_pair())
        wanted = f"Transport: {way}"
        self._turn = serve
        try:
            self.ask(sock, "DESCRIBE", url, "Accept: application/sdp")
            session = _session(self.ask(sock, "SETUP", f"{url}/trackID=0", wanted))
            self.ask(sock, "PLAY", url, session)
            self.ask(sock, "TEARDOWN", url, session)
            sock.close()
            self.turn_until(lambda: len(self.service.connections) == connections)
        finally:
            self._turn = self.turn_once

    def sessions_at_once(
        self, count: int, serve: Callable[[], None], *, over_tcp: bool = False
    ) -> None:
        """So many connections, each with four requests that it sends when all others do, and end.

        `serve` is called instead of `turn_once` while the server has something to do.
        """
        connections = len(self.service.connections)
        url = self.server.play_url(PATH)
        socks = [self.connect() for _ in range(count)]
        ways = [
            "RTP/AVP/TCP;unicast;interleaved=0-1" if over_tcp else _over_udp(self._udp_pair())
            for _ in socks
        ]
        named: list[str] = []
        for method in SESSION_METHODS:
            for number, sock in enumerate(socks):
                header = named[number] if named else f"Transport: {ways[number]}"
                asked = f"{url}/trackID=0" if method == "SETUP" else url
                self.send_request(sock, method, asked, header)
            heads = self._answers(socks, serve)
            if method == "SETUP":
                named = [_session(head) for head in heads]
        for sock in socks:
            sock.close()
        self.turn_until(lambda: len(self.service.connections) == connections, serve)

    def _answers(self, socks: list[socket.socket], serve: Callable[[], None]) -> list[str]:
        """The heads of the answers that come next, all of them 200."""
        got = [bytearray() for _ in socks]

        def answered() -> bool:
            for sock, answer in zip(socks, got, strict=True):
                with contextlib.suppress(BlockingIOError):
                    if b"\r\n\r\n" not in answer:
                        answer.extend(sock.recv(65_536))
            return all(b"\r\n\r\n" in answer for answer in got)

        self.turn_until(answered, serve)
        heads = [bytes(answer).partition(b"\r\n\r\n")[0].decode() for answer in got]
        assert all(head.startswith("RTSP/1.0 200 ") for head in heads), heads
        return heads

    def _udp_pair(self) -> socket.socket:
        """Bind two neighbouring ports; return the socket of the first, which is even."""
        while True:
            rtp, rtcp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
            self._sockets += (rtp, rtcp)
            rtp.bind(("127.0.0.1", 0))
            port = rtp.getsockname()[1]
            with contextlib.suppress(OSError):
                if port % 2 == 0:
                    rtcp.bind(("127.0.0.1", port + 1))
                    return rtp

    # -- media

    def packets(self, count: int = BATCH) -> list[bytes]:
        """The next packets, of one size."""
        made = []
        for _ in range(count):
            head = struct.pack(">BBHII", 0x80, 96, self._seq & 0xFFFF, self._seq, 0x1234)
            made.append(head + FRAGMENT + bytes(PACKET_BYTES - len(head) - len(FRAGMENT)))
            self._seq += 1
        return made

    def keep_group(self, batches: int) -> None:
        """Have a group kept for readers that begin: a key frame, and batches behind it."""
        for number in range(batches):
            packets = self.packets()
            if not number:
                packets[0] = packets[0].replace(FRAGMENT + b"\0", KEY_FRAME, 1)
            self.track.write(packets)

    def move_clock_of_turns_by_hand(self) -> None:
        """Have those who catch up go by timers alone: who goes with whom is then no chance.

        A timer goes off in the next turn of the loop, and its time has passed then; else none
        passes.
        """
        turns = self.service.mounts._turns
        now_s = self.loop.time()

        def call_later(delay_s: float, call: Callable[[], object]) -> asyncio.TimerHandle:
            def go_off() -> None:
                nonlocal now_s
                now_s += delay_s
                call()

            return self.loop.call_later(0, go_off)

        turns._clock, turns._call_later = (lambda: now_s), call_later

    def send(self, packets: list[bytes]) -> None:
        """Send packets as the publisher."""
        assert self._publish is not None, "publish first"
        self._publish(packets)

    def relay(self, count: int, serve: Callable[[Callable[[], None]], None]) -> bool:
        """Have `count` packets relayed while `serve` runs the turns that it is given.

        Returns whether they came as one batch, which a busy machine may cut in two.
        """
        counters = self.track.counters
        batches, wanted = counters.batches, counters.packets + count
        packets = self.packets(count)
        self.send(packets)
        serve(lambda: self.turn_until(lambda: counters.packets >= wanted))
        self.drain()
        return counters.batches == batches + 1

    def one_batch(self, count: int, serve: Callable[[Callable[[], None]], None]) -> None:
        """`relay` until one came whole; only the last call of `serve` counts."""
        for _ in range(100):
            if self.relay(count, serve):
                return
        raise AssertionError(f"{count} packets never came as one batch")

    def warm_up(self) -> None:
        """Relay so much that receive offload has been tried and everything lazy was made."""
        for _ in range(40):
            self.relay(BATCH, lambda turns: turns())

    def drain(self) -> None:
        """Take what waits for the readers over TCP, so that their queues stay empty."""
        for sock in self.tcp_readers:
            try:
                while sock.recv(1 << 20):
                    pass
            except BlockingIOError:
                continue


def _frame(packet: bytes) -> bytes:
    return struct.pack(">cBH", b"$", 0, len(packet)) + packet


def _over_udp(rtp: socket.socket) -> str:
    port = rtp.getsockname()[1]
    return f"RTP/AVP;unicast;client_port={port}-{port + 1}"


def _session(head: str) -> str:
    name = next(line for line in head.split("\r\n") if line.lower().startswith("session:"))
    return name.partition(";")[0]


MakePlane = Callable[..., DataPlane]
"""What makes one; the fixture `data_plane` is of this type."""
