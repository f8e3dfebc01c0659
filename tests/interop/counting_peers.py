"""Publishers and readers that only count: hundreds of them in one process, on one selector.

They speak just enough RTSP to publish one H.264-like track and to play it, and check what a
player could not tell: that every RTP sequence number arrived once and in order.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import time
from dataclasses import dataclass, field

from clients.client import Transport
from clients.description import describe

PAYLOAD_BYTES = 1200
PACKETS_PER_PICTURE = 8
PICTURES_PER_KEY_FRAME = 25
RECEIVE_BYTES = 1 << 16
RTP_VERSION = 0x80
H264_PAYLOAD_TYPE = 96
IDR, SLICE = 0x65, 0x41
SENDER_REPORT = 200

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=count\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n"
)


class RtspError(Exception):
    """The server answered something other than 200."""


class RtspSocket:
    """Blocking requests over one connection; what follows an answer stays in `rest`."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("rtsp://").split("/")[0].rsplit(":", 1)
        self.url = url
        self.socket = socket.create_connection((host, int(port)), 20.0)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        self._session = ""
        self._cseq = 0

    def ask(self, method: str, url: str, *headers: str, body: str = "") -> dict[str, str]:
        """Send a request and return the headers of its answer, by lower-case name."""
        self._cseq += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._cseq}", *headers]
        if self._session:
            lines.append(f"Session: {self._session}")
        if body:
            lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        received = self.rest
        while b"\r\n\r\n" not in received:
            more = self.socket.recv(RECEIVE_BYTES)
            if not more:
                raise RtspError(f"{method} {url}: connection closed")
            received += more
        head, _, self.rest = received.partition(b"\r\n\r\n")
        status, *fields = head.decode().split("\r\n")
        if " 200 " not in status:
            raise RtspError(f"{method} {url}: {status}")
        answer = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in fields)
        }
        self._session = self._session or answer.get("session", "").partition(";")[0]
        return answer


def udp_pair() -> tuple[socket.socket, socket.socket]:
    """Bind two UDP sockets on 127.0.0.1, the first with an even port, the second one above."""
    while True:
        rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        rtp.bind(("127.0.0.1", 0))
        port = rtp.getsockname()[1]
        rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            if port % 2 == 0:
                rtcp.bind(("127.0.0.1", port + 1))
                return rtp, rtcp
        except OSError:
            pass
        rtp.close()
        rtcp.close()


@dataclass(slots=True)
class Tally:
    """What one reader received."""

    received: int = 0
    missing: int = 0
    out_of_order: int = 0
    last_seq: int = -1

    def count(self, seq: int) -> None:
        """Take the next sequence number."""
        self.received += 1
        if self.last_seq >= 0:
            step = (seq - self.last_seq) & 0xFFFF
            if step == 0 or step > 0x8000:
                self.out_of_order += 1
                return
            self.missing += step - 1
        self.last_seq = seq


def server_port_in(answer: dict[str, str]) -> str:
    """The first of the server's ports in the answer to a SETUP."""
    return answer["transport"].partition("server_port=")[2].partition("-")[0]


def wait_for_sender_reports(url: str, deadline_s: float = 20.0) -> None:
    """Play until every track has had an RTCP sender report; raises TimeoutError, RtspError.

    The server keeps them for readers to come. A player that gets its first one in the middle of
    the film may start its clocks anew: VLC then drops what its decoder holds.
    """
    rtsp = RtspSocket(url)
    tracks = describe(url).body.count("\r\nm=")
    for index in range(tracks):
        transport = f"RTP/AVP/TCP;unicast;interleaved={2 * index}-{2 * index + 1}"
        rtsp.ask("SETUP", f"{url}/trackID={index}", f"Transport: {transport}")
    rtsp.ask("PLAY", url)
    received, untold = rtsp.rest, {2 * index + 1 for index in range(tracks)}
    give_up_s = time.monotonic() + deadline_s
    with rtsp.socket:
        while untold:
            rtsp.socket.settimeout(max(0.001, give_up_s - time.monotonic()))
            while len(received) < 4 or len(received) < 4 + int.from_bytes(received[2:4], "big"):
                more = rtsp.socket.recv(RECEIVE_BYTES)
                if not more:
                    raise RtspError(f"{url}: closed before every track had a sender report")
                received += more
            if received[5] == SENDER_REPORT:
                untold.discard(received[1])
            received = received[4 + int.from_bytes(received[2:4], "big") :]


class CountingReader:
    """Plays one track and counts its sequence numbers."""

    def __init__(self, url: str, transport: Transport) -> None:
        self.tally = Tally()
        self._transport = transport
        self._rtsp = RtspSocket(url)
        self._rtcp: socket.socket | None = None
        if transport is Transport.TCP:
            self.media = self._rtsp.socket
            asked = "RTP/AVP/TCP;unicast;interleaved=0-1"
        else:
            self.media, self._rtcp = udp_pair()
            port = self.media.getsockname()[1]
            asked = f"RTP/AVP;unicast;client_port={port}-{port + 1}"
        answer = self._rtsp.ask("SETUP", f"{url}/trackID=0", f"Transport: {asked}")
        if transport is Transport.UDP:
            self._hear_only(int(server_port_in(answer)))
        self._rtsp.ask("PLAY", url, "Range: npt=0.000-")
        self._buffer = self._rtsp.rest
        self.media.setblocking(False)

    def _hear_only(self, server_port: int) -> None:
        # A server elsewhere on this machine may still be sending to whoever had the port before.
        self.media.connect((self._rtsp.socket.getpeername()[0], server_port))
        self.media.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.media.recv(RECEIVE_BYTES)

    def drain(self) -> None:
        """Take everything that waits."""
        while True:
            try:
                data = self.media.recv(RECEIVE_BYTES)
            except BlockingIOError:
                return
            if self._transport is Transport.UDP:
                self.tally.count(data[2] << 8 | data[3])
            elif not data:
                raise RtspError("the server closed a reader's connection")
            else:
                self._cut_frames(self._buffer + data)

    def _cut_frames(self, data: bytes) -> None:
        at, size = 0, len(data)
        while at + 4 <= size:
            if data[at] != 0x24:
                raise RtspError(f"no $ but {data[at : at + 16]!r} between frames")
            end = at + 4 + (data[at + 2] << 8 | data[at + 3])
            if end > size:
                break
            if data[at + 1] == 0:
                self.tally.count(data[at + 6] << 8 | data[at + 7])
            at = end
        self._buffer = data[at:]

    def close(self) -> None:
        """Leave without a farewell."""
        self._rtsp.socket.close()
        self.media.close()
        if self._rtcp is not None:
            self._rtcp.close()


@dataclass(slots=True)
class CountingPublisher:
    """Publishes one track of pictures of equal size at a steady bit rate."""

    url: str
    transport: Transport
    bits_per_second: int
    last_seq: int = 0
    sent: int = 0
    _rtsp: RtspSocket = field(init=False)
    _pair: tuple[socket.socket, socket.socket] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._rtsp = RtspSocket(self.url)
        self._rtsp.ask("ANNOUNCE", self.url, body=SDP)
        if self.transport is Transport.TCP:
            asked = "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"
        else:
            self._pair = udp_pair()
            port = self._pair[0].getsockname()[1]
            asked = f"RTP/AVP;unicast;client_port={port}-{port + 1};mode=record"
        answer = self._rtsp.ask("SETUP", f"{self.url}/trackID=0", f"Transport: {asked}")
        if self._pair is not None:
            server_port = int(server_port_in(answer))
            self._pair[0].connect((self._rtsp.socket.getpeername()[0], server_port))
        self._rtsp.ask("RECORD", self.url, "Range: npt=0.000-")
        self.last_seq = 0xFF00  # so that the numbers wrap around during the test

    @property
    def picture_every_s(self) -> float:
        """Seconds from one picture to the next."""
        return PACKETS_PER_PICTURE * PAYLOAD_BYTES * 8 / self.bits_per_second

    def send_picture(self) -> None:
        """Send the packets of one picture."""
        number = self.sent // PACKETS_PER_PICTURE
        nal = IDR if number % PICTURES_PER_KEY_FRAME == 0 else SLICE
        payload = bytes([nal]) + bytes(PAYLOAD_BYTES - 13)
        timestamp = int(number * self.picture_every_s * 90000) & 0xFFFFFFFF
        packets = []
        for index in range(PACKETS_PER_PICTURE):
            self.last_seq = (self.last_seq + 1) & 0xFFFF
            marker = 0x80 if index == PACKETS_PER_PICTURE - 1 else 0
            head = (RTP_VERSION, marker | H264_PAYLOAD_TYPE, self.last_seq, timestamp, 0x1234)
            packets.append(struct.pack("!BBHII", *head) + payload)
        self.sent += PACKETS_PER_PICTURE
        if self._pair is not None:
            for packet in packets:
                self._pair[0].send(packet)
        else:
            frames = (struct.pack("!BBH", 0x24, 0, len(packet)) + packet for packet in packets)
            self._rtsp.socket.sendall(b"".join(frames))

    def close(self) -> None:
        """End the publishing in order."""
        self._rtsp.ask("TEARDOWN", self.url)
        self.drop()

    def drop(self) -> None:
        """Go without a farewell."""
        self._rtsp.socket.close()
        for half in self._pair or ():
            half.close()


def run_load(
    publishers: list[CountingPublisher],
    readers: list[CountingReader],
    seconds: float,
    settle_s: float = 5.0,
) -> None:
    """Publish and read for that long, then read on until all have the last packet or time is up.

    Publishers send one after the other across the time of a picture, as independent cameras do.
    """
    selector = selectors.DefaultSelector()
    for reader in readers:
        selector.register(reader.media, selectors.EVENT_READ, reader)
    started_s = time.monotonic()
    due = [
        (started_s + publisher.picture_every_s * index / len(publishers), publisher)
        for index, publisher in enumerate(publishers)
    ]
    ends_s = started_s + seconds
    while due:
        due_s, publisher = due.pop(0)
        while True:
            wait_s = due_s - time.monotonic()
            for key, _ in selector.select(max(0.0, wait_s)):
                key.data.drain()
            if wait_s <= 0:
                break
        publisher.send_picture()
        if due_s + publisher.picture_every_s < ends_s:
            due.append((due_s + publisher.picture_every_s, publisher))
    give_up_s = time.monotonic() + settle_s
    while time.monotonic() < give_up_s:
        if not selector.select(0.5):
            break
        for key, _ in selector.select(0):
            key.data.drain()
    selector.close()
