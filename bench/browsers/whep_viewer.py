"""A browser that watches by WHEP: offer and answer, a check, a handshake, keys, reports.

What it then gets is encrypted, and counted by C from the numbers of packets. A few viewers are
witnesses: they decrypt, and tell from the stamps how late packets came to their sockets.
"""

import asyncio
import hmac
import os
import re
import socket
import struct
import time
from binascii import crc32
from dataclasses import dataclass, field
from functools import cache

import pylibsrtp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from bench.browsers.http_client import HttpClient
from bench.browsers.stamp import MAGIC, first_sent_ns
from bench.client_ports import RECEIVE_BUFFER_BYTES, SO_TIMESTAMPNS

SET_UP_S = 20.0
FLIGHT_S = 0.5
CHECK_EVERY_S, REPORT_EVERY_S = 2.5, 1.0
UFRAG, PASSWORD = "load", "l" * 24
PROFILES = {
    b"SRTP_AEAD_AES_128_GCM": (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    b"SRTP_AES128_CM_SHA1_80": (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
}
COOKIE = 0x2112A442
DATAGRAM_BYTES = 2048
REQUEST, SUCCESS = 0x0001, 0x0101


@cache
def _identity() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """One certificate for all: the server checks a fingerprint, whoever else has it."""
    import datetime

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "load")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


@cache
def _context() -> SSL.Context:
    key, certificate = _identity()
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
    context.use_privatekey(key)
    context.use_certificate(certificate)
    context.set_tlsext_use_srtp(b":".join(PROFILES))
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    context.set_options(SSL.OP_NO_QUERY_MTU)
    return context


def _offer() -> bytes:
    fingerprint = _identity()[1].fingerprint(hashes.SHA256()).hex(":").upper()
    return (
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\n"
        f"a=ice-ufrag:{UFRAG}\r\na=ice-pwd:{PASSWORD}\r\n"
        # The handshake is begun here, so that the server picks the cipher, as with browsers.
        f"a=fingerprint:sha-256 {fingerprint}\r\na=setup:active\r\na=mid:0\r\na=recvonly\r\n"
        "a=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:102 H264/90000\r\n"
        "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
        "a=rtcp-fb:102 nack\r\na=rtcp-fb:102 nack pli\r\n"
    ).encode()


def _stun(kind: int, transaction: bytes, password: str, *attributes: tuple[int, bytes]) -> bytes:
    """A signed message (RFC 8489 14.5, 14.7)."""
    body = b"".join(
        struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4)
        for name, value in attributes
    )
    message = struct.pack("!HHI12s", kind, len(body) + 24, COOKIE, transaction) + body
    signature = hmac.digest(password.encode(), message, "sha1")
    message += struct.pack("!HH", 0x0008, 20) + signature
    message = message[:2] + struct.pack("!H", len(body) + 32) + message[4:]
    return message + struct.pack("!HHI", 0x8028, 4, crc32(message) ^ 0x5354554E)


@dataclass
class WhepViewer:
    """One peer connection."""

    url: str
    sock: socket.socket = field(init=False)
    index: int = -1
    first_packet_ns: int = 0
    received: int = 0
    missing: int = 0
    late_us: list[int] = field(default_factory=list)
    drops_before: int = 0
    closed: bool = False
    _password: str = ""
    _remote_ufrag: str = ""
    _last_sequence: int | None = None

    async def connect(self) -> None:
        """Do all that a browser does until media flows; the socket is ready to be read then.

        Raises RuntimeError, OSError, TimeoutError where the server does not let it in.
        """
        client = await HttpClient.connect(self.url)
        told = {"Content-Type": "application/sdp"}
        answer = await client.ask("POST", self.url, told, _offer())
        client.close()
        self._read_answer(answer.require(201).body.decode())
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(SET_UP_S):
            await self._check_until_answered(loop)
            await self._shake(loop)

    def _read_answer(self, text: str) -> None:
        def value(pattern: str) -> re.Match[str]:
            found = re.search(pattern, text)
            if found is None:
                raise RuntimeError(f"the answer has no {pattern}")
            return found

        self._remote_ufrag = value(r"a=ice-ufrag:(\S+)")[1]
        self._password = value(r"a=ice-pwd:(\S+)")[1]
        place = value(r"a=candidate:\S+ 1 udp \d+ (127\.\S+) (\d+) typ host")
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self.sock.connect((place[1], int(place[2])))

    async def _check_until_answered(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            self.check()
            try:
                async with asyncio.timeout(FLIGHT_S):
                    while True:
                        datagram = await loop.sock_recv(self.sock, DATAGRAM_BYTES)
                        if self._took_stun(datagram) == SUCCESS:
                            return
            except TimeoutError:
                continue

    def _took_stun(self, datagram: bytes) -> int:
        """Answer a check of the server; return the kind of the message, 0 for something else."""
        if datagram[0] > 3:
            return 0
        kind, _, _, transaction = struct.unpack_from("!HHI12s", datagram)
        if kind == REQUEST:
            host, port = self.sock.getsockname()
            address = int.from_bytes(socket.inet_aton(host), "big") ^ COOKIE
            mapped = struct.pack("!BBHI", 0, 1, port ^ COOKIE >> 16, address)
            self.sock.send(_stun(SUCCESS, transaction, PASSWORD, (0x0020, mapped)))
        return int(kind)

    def check(self) -> None:
        """Ask whether the server is there, as browsers do all the time."""
        user = f"{self._remote_ufrag}:{UFRAG}".encode()
        attributes = ((0x0006, user), (0x802A, bytes(8)), (0x0024, b"\x6e\0\1\xff"), (0x0025, b""))
        self._send(_stun(REQUEST, os.urandom(12), self._password, *attributes))

    async def _shake(self, loop: asyncio.AbstractEventLoop) -> None:
        ssl = SSL.Connection(_context(), None)
        ssl.set_connect_state()
        ssl.set_ciphertext_mtu(1_200)
        while True:
            try:
                ssl.do_handshake()
                break
            except SSL.WantReadError:
                self._flush(ssl)
            try:
                async with asyncio.timeout(FLIGHT_S):
                    datagram = await loop.sock_recv(self.sock, DATAGRAM_BYTES)
            except TimeoutError:
                ssl.DTLSv1_handle_timeout()
                continue
            if not self._took_stun(datagram) and 20 <= datagram[0] < 64:
                ssl.bio_write(datagram)
        self._flush(ssl)
        profile, key, salt = PROFILES[ssl.get_selected_srtp_profile()]
        material = ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        salts = material[2 * key :]
        ours, theirs = material[:key] + salts[:salt], material[key : 2 * key] + salts[salt:]
        policy = pylibsrtp.Policy
        self._out = pylibsrtp.Session(policy(ours, policy.SSRC_ANY_OUTBOUND, 0, profile))
        self._in = pylibsrtp.Session(policy(theirs, policy.SSRC_ANY_INBOUND, 0, profile))

    def _flush(self, ssl: SSL.Connection) -> None:
        try:
            while True:
                self._send(ssl.bio_read(1_500))
        except SSL.WantReadError:
            return

    def _send(self, datagram: bytes) -> None:
        try:
            self.sock.send(datagram)
        except OSError:
            self.closed = True

    def report(self) -> None:
        """Send a receiver report without blocks, as often as browsers send theirs."""
        report = struct.pack("!BBHI", 0x80, 201, 1, 0x52000000)
        self._send(self._out.protect_rtcp(report))

    # -- as a witness

    def witness(self, loop: asyncio.AbstractEventLoop, wall_ahead_ns: int) -> None:
        """Read what comes, and note how late it came to the socket."""
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._wall_ahead_ns = wall_ahead_ns
        loop.add_reader(self.sock, self._drain)

    def _drain(self) -> None:
        while True:
            try:
                datagram, noted, _, _ = self.sock.recvmsg(DATAGRAM_BYTES, 64)
            except OSError:
                return
            if len(datagram) < 12 or datagram[0] < 128 or 192 <= datagram[1] < 224:
                continue
            seconds, nanoseconds = struct.unpack("qq", noted[0][2]) if noted else (0, 0)
            came_ns = seconds * 1_000_000_000 + nanoseconds - self._wall_ahead_ns
            self._take(datagram, came_ns if noted else time.monotonic_ns())

    def _take(self, datagram: bytes, came_ns: int) -> None:
        self.first_packet_ns = self.first_packet_ns or came_ns
        sequence = int.from_bytes(datagram[2:4], "big")
        if self._last_sequence is not None:
            moved = sequence - self._last_sequence & 0xFFFF
            if moved == 0 or moved >= 0x8000:
                return
            self.missing += moved - 1
        self._last_sequence = sequence
        self.received += 1
        packet = self._in.unprotect(datagram)
        sent_ns = first_sent_ns(packet, within=64 + len(MAGIC))
        if sent_ns is not None:
            self.late_us.append((came_ns - sent_ns) // 1_000)
