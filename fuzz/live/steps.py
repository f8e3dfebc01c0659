"""One step: a request, right or wrong, a run of frames, garbage, or a rude end.

Every step draws from its own generator, made of the run's seed and the step's number, so that a
seed gives the same steps again whatever the answers were.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

from fuzz.live.peer import Peer, Shared

METHODS = [
    "OPTIONS",
    "DESCRIBE",
    "ANNOUNCE",
    "SETUP",
    "PLAY",
    "PAUSE",
    "RECORD",
    "TEARDOWN",
    "GET_PARAMETER",
    "SET_PARAMETER",
    "REDIRECT",
    "PLAY_NOTIFY",
    "X-OWN",
    "options",
]
PATHS = (
    *("/p1", "/p10", "/p2", "/p3", "/p4/a", "/p5", "/p6", "/p7", "/p8", "/p9", "/late/a"),
    "/witness",
)
ODD_PATHS = (
    "/closed/a",
    "/moved/a",
    "/forbidden/a",
    "/nobody",
    "",
    "/",
    "/p1/../p2",
    "/p1%2f..%2fp2",
    "/p%00",
    "/p\u00e9",
    "/" + "a" * 220,
    "/" + "b" * 1_100,
    "/p1?instant_start=0",
    "/p3/trackID=7",
)
ODD_URIS = ("*", "http://h/p1", "rtsp:/p1", "p1", "rtsp://[::1/p1", "rtsp://u:p@h:99999/p1")
VIDEO = (
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
    "a=control:streamid=0\r\n"
)
AUDIO = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\na=control:streamid=1\r\n"
HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=f\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
PRESENTATIONS = (HEAD + VIDEO, HEAD + VIDEO + AUDIO, VIDEO.replace("\r\n", "\n"))
ODD_PRESENTATIONS = (
    HEAD,
    "",
    "m=",
    "\0\xff",
    HEAD + VIDEO * 5,
    HEAD + VIDEO * 120,
    HEAD + "m=audio 0 RTP/AVP 0\r\n",
    HEAD + VIDEO.replace("streamid=0", "rtsp://x/y/z"),
)
ODD_TRANSPORTS = (
    "",
    "RTP/AVP",
    "RTP/SAVP;unicast;client_port=1-2",
    "RTP/AVP;multicast",
    "RTP/AVP/TCP;interleaved=0-0",
    "RTP/AVP/TCP;interleaved=999-1000",
    "RTP/AVP;unicast;client_port=70000-70001",
    "RTP/AVP;unicast;destination=192.0.2.99;client_port=4000-4001",
    "X/Y;unicast,RTP/AVP/TCP;unicast",
    "RTP/AVP;multicast,RTP/AVP/TCP;interleaved=8-9",
    'RTP/AVP/TCP;mode="RECORD,PLAY";interleaved=0-1',
    ";;;,,,===",
)
ODD_HEADERS = (
    "Require: play.scale",
    "Require: a, b",
    "Accept: text/html",
    "Range: npt=now-",
    "Range: npt=5-1",
    "Range: smpte=x",
    "Authorization: Basic YW5uOnNlY3JldA==",
    "Authorization: Basic YW5uOndyb25n",
    'Authorization: Digest username="ann", realm="headwater", nonce="x", uri="/", response="0"',
    "Authorization: Basic ###",
    "Content-Type: text/plain",
    "Scale: 2",
    "User-Agent: \u00e9\u00e4\u20ac",
    "Connection: close",
    "X-Long: " + "x" * 900,
)
UNREADABLE = (
    b"PLAY\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n\r\n",
    b"GET /index.html HTTP/1.0\r\n\r\n",
    b"OPTIONS * RTSP/1.0\r\nno colon here\r\n\r\n",
    b"OPTIONS * RTSP/1.0\r\n" + b"X: 1\r\n" * 120 + b"\r\n",
    b"SETUP a\tb RTSP/1.0\r\nCSeq: 4\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x00\x01\x02\x03",
    b"PLAY rtsp://h/ RTSP/1.0\r\nContent-Length: 99999999\r\n\r\n",
    b"PLAY rtsp://h/ RTSP/1.0\r\nContent-Length: x\r\n\r\n",
    b"X" * 5_000,
)
FLOOD_REQUESTS = 200
"""Their answers are above 64 KiB, which is beyond all bounds and the kernel's buffers."""
KEY_FRAME, SLICE = b"\x65\x88", b"\x41\x9a"


class Steps:
    """Makes and sends the steps of one run."""

    def __init__(self, seed: int, base: str, shared: Shared, udp_ports: Sequence[int]) -> None:
        self._seed = seed
        self._base = base
        self._shared = shared
        self._udp_ports = udp_ports
        self._sequence = 0
        self.send_udp: Callable[[int, bytes, int], None] = lambda _from, _data, _to: None

    def take(self, number: int, peer: Peer, out: list[bytes]) -> str:
        """Do step `number` on an open peer: what is to be sent is put into `out`.

        Returns what was done, in a word or two.
        """
        draw = random.Random(self._seed << 32 | number)
        kind = draw.random()
        if kind < 0.56:
            return self._next_of_plan(draw, peer, out)
        if kind < 0.78:
            return self._any_request(draw, peer, out)
        if kind < 0.90:
            return self._frames(draw, out)
        if kind < 0.95:
            return self._datagrams(draw)
        if kind < 0.97:
            out.append(draw.choice((b"\r\n", b"\n\n", b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")))
            return "blank or answer"
        if not peer.is_waited_for:
            # It has to stay until what waits for it is too much, or waits too long.
            return self._flood(peer, out)
        return self._rude(draw, out)

    def _flood(self, peer: Peer, out: list[bytes]) -> str:
        """Ask for more than the server lets wait for one connection."""
        for _ in range(FLOOD_REQUESTS):
            self._request(peer, out, "DESCRIBE", f"{self._base}/witness")
        return "flood"

    def _request(
        self,
        peer: Peer,
        out: list[bytes],
        method: str,
        uri: str,
        *headers: str,
        body: str = "",
        planned: bool = False,
    ) -> str:
        peer.cseq += 1
        lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {peer.cseq}", *(h for h in headers if h)]
        raw = body.encode("latin-1")
        if raw:
            lines.append(f"Content-Length: {len(raw)}")
        peer.ask(peer.cseq, method, planned=planned)
        out.append("\r\n".join((*lines, "", "")).encode() + raw)
        return f"{method} {uri[:60]}"

    def _session(self, draw: random.Random, peer: Peer) -> str:
        kind, pick = draw.random(), draw.random()
        if kind < 0.7:
            return f"Session: {peer.session}" if peer.session else ""
        if kind < 0.78 or (kind < 0.9 and not self._shared.sessions):
            return ""
        if kind < 0.9:
            peer.may_be_closed = True
            return f"Session: {self._shared.sessions[int(pick * len(self._shared.sessions))]}"
        wrong = ("0123456789abcdef01234567", "x" * 300, ";timeout=1", "", "a b", "1;timeout=x")
        return f"Session: {wrong[int(pick * len(wrong))]}"

    def _next_of_plan(self, draw: random.Random, peer: Peer, out: list[bytes]) -> str:
        """What a publisher or reader that does everything right would do now."""
        url = self._base + draw.choice(PATHS)
        follows = draw.random()
        tracks, publishes, plays_on = draw.randint(1, 2), draw.random() < 0.4, draw.randint(1, 12)
        transport, pauses = self._transport(draw, publishes=publishes), draw.random() < 0.3
        if not peer.plan:
            if not publishes and follows < 0.8 and self._shared.published:
                url = self._shared.published[int(follows * len(self._shared.published))]
            begin = "RECORD" if publishes else "PLAY"
            again = ["PAUSE", "FRAMES", begin, "FRAMES"] if pauses else []
            peer.plan = [
                "ANNOUNCE" if publishes else "DESCRIBE",
                *(f"SETUP {index} {transport}" for index in range(tracks)),
                *(begin, *["FRAMES"] * plays_on, *again, "TEARDOWN"),
            ]
            peer.url, peer.tracks = url, tracks
        if peer.asks and not peer.session and peer.plan[0] != "ANNOUNCE":
            # Whoever does everything right waits for the session's id.
            return self._frames(draw, out)
        method, _, rest = peer.plan.pop(0).partition(" ")
        session = f"Session: {peer.session}" if peer.session else ""
        match method:
            case "FRAMES":
                return self._frames(draw, out)
            case "ANNOUNCE":
                body = PRESENTATIONS[peer.tracks - 1]
                return self._request(peer, out, method, peer.url, body=body, planned=True)
            case "DESCRIBE":
                headers = "Accept: application/sdp"
                return self._request(peer, out, method, peer.url, headers, planned=True)
            case "SETUP":
                index, _, how = rest.partition(" ")
                if "interleaved" in how:
                    how = f"RTP/AVP/TCP;unicast;interleaved={2 * int(index)}-{2 * int(index) + 1}"
                uri = f"{peer.url}/streamid={index}"
                headers = f"Transport: {how}"
                return self._request(peer, out, method, uri, headers, session, planned=True)
            case _:
                return self._request(peer, out, method, peer.url, session, planned=True)

    def _any_request(self, draw: random.Random, peer: Peer, out: list[bytes]) -> str:
        method = draw.choice(METHODS)
        roll = draw.random()
        path, odd_path = draw.choice(PATHS), draw.choice(ODD_PATHS)
        uri = self._base + (path if roll < 0.75 else odd_path)
        if roll < 0.45 and peer.url:
            uri = peer.url
        odd_uri = draw.choice(ODD_URIS)
        if roll > 0.94:
            uri = odd_uri
        track = draw.choice(("", "", "/trackID=0", "/streamid=1", "/trackID=9", "?q=1/streamid=0"))
        headers = [self._session(draw, peer)]
        odd_header = draw.choice(ODD_HEADERS)
        if draw.random() < 0.25:
            headers.append(odd_header)
        transport, odd = self._transport(draw, publishes=False), draw.choice(ODD_TRANSPORTS)
        if (method == "SETUP") != (draw.random() < 0.05):
            headers.append(f"Transport: {transport if draw.random() < 0.6 else odd}")
        presentation, odd = draw.choice(PRESENTATIONS), draw.choice(ODD_PRESENTATIONS)
        body = ""
        if method == "ANNOUNCE":
            body = presentation if draw.random() < 0.7 else odd
        elif draw.random() < 0.1:
            body = "packets_received\r\n"
        without_cseq, number = (
            draw.random() < 0.02,
            draw.choice(("", "CSeq: x\r\n", "CSeq: -1\r\n")),
        )
        if without_cseq:
            peer.ask(None, f"{method} without CSeq")
            out.append(f"{method} {uri} RTSP/1.0\r\n{number}\r\n".encode())
            return f"{method} without CSeq"
        return self._request(peer, out, method, uri + track, *headers, body=body)

    def _transport(self, draw: random.Random, *, publishes: bool) -> str:
        port, channel, roll = draw.choice(self._udp_ports), 2 * draw.randrange(6), draw.random()
        mode = ";mode=record" if publishes else ""
        if roll < 0.5:
            return f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}{mode}"
        if roll < 0.85 or publishes:
            return f"RTP/AVP;unicast;client_port={port}-{port + 1}{mode}"
        return "RTP/AVP;multicast"

    def _packet(self, draw: random.Random) -> bytes:
        self._sequence = self._sequence + draw.choice((1, 1, 1, 1, 1, 1, 2, 0, 500)) & 0xFFFF
        marks = draw.choice((0x60, 0xE0, 0x61, 0xE1))
        ssrc = draw.choice((0x11, 0x11, 0x11, 0x22))
        head = struct.pack(">BBHII", 0x80, marks, self._sequence, self._sequence * 3000, ssrc)
        payload = draw.choice((KEY_FRAME, SLICE, SLICE, SLICE, b"", b"\x7c\x85", b"\x78\x00"))
        return head + payload + bytes(draw.choice((0, 10, 100, 1_100)))

    def _junk(self, draw: random.Random) -> bytes:
        """RTCP of all kinds, headers that lie, and plain noise."""
        junk = (
            b"\x80\xc8\x00\x06" + draw.randbytes(24),
            b"\x81\xc9\x00\x07" + draw.randbytes(28),
            b"\x80\xc9\x00\x01" + bytes(4) + b"\x81\xcb\x00\x01" + bytes([0, 0, 0, 0x11]),
            b"\x81\xce\x00\x02" + bytes(8),
            b"\x9f\xc8\xff\xff",
            b"\xbf\x60" + draw.randbytes(10),
            b"",
            draw.randbytes(draw.randrange(60)),
        )
        return draw.choice(junk)

    def _frames(self, draw: random.Random, out: list[bytes]) -> str:
        count = draw.randint(1, 8) if draw.random() < 0.96 else 100
        channel = draw.choice((0, 0, 0, 0, 1, 2, 3, 200))
        for _ in range(count):
            packet = self._packet(draw) if draw.random() < 0.85 else self._junk(draw)
            out.append(struct.pack(">cBH", b"$", channel, len(packet)) + packet)
        return f"frames: {count} on {channel}"

    def _datagrams(self, draw: random.Random) -> str:
        stranger, pick, which = draw.random() < 0.3, draw.random(), draw.randrange(2)
        packets = [self._packet(draw), self._junk(draw)]
        if not self._shared.udp:
            return "no datagrams"
        source, *to = self._shared.udp[int(pick * len(self._shared.udp))]
        for packet in packets:
            self.send_udp(0 if stranger else source + which, packet, to[which])
        return "datagrams"

    def _rude(self, draw: random.Random, out: list[bytes]) -> str:
        kind, cut, noise = draw.randrange(8), draw.randrange(1, 60), draw.randbytes(30)
        unreadable = draw.choice(UNREADABLE)
        request = f"DESCRIBE {self._base}/p1 RTSP/1.0\r\nCSeq: 9\r\nContent-Length: 5\r\n\r\nab"
        match kind:
            case 0:
                out.append(request.encode()[: cut + 20])
                return "half a request, then abort"
            case 1:
                out.append(request.encode()[:cut])
                return "half a request, then end"
            case 2:
                out.append(unreadable)
                return "unreadable, then end"
            case 3:
                out.append(b"\x01" + noise)
                return "garbage, then end"
            case 4:
                out.append(b"$\x00\xff\xff" + noise)
                return "half a frame, then abort"
            case 5:
                return "end"
            case 6:
                return "deaf"
            case _:
                return "abort"
