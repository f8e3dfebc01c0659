"""A browser's side of a peer connection, small and obedient: it checks, shakes hands, decrypts."""

from __future__ import annotations

import asyncio
import datetime
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import pylibsrtp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from http_peer import HttpAnswer, fetch
from OpenSSL import SSL

from headwater.protocol.rtcp import is_rtcp
from headwater.protocol.rtcp_build import receiver_report
from headwater.protocol.webrtc.stun import Attribute, StunMessage, binding_request

_DEADLINE_S = 60.0
_NACK = 0x81
_PROFILES = {
    b"SRTP_AEAD_AES_128_GCM": (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    b"SRTP_AES128_CM_SHA1_80": (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
}
VIDEO = (
    "a=rtpmap:102 H264/90000\r\n"
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
    "a=rtcp-fb:102 nack\r\na=rtcp-fb:102 nack pli\r\n"
)


@dataclass
class Certificate:
    """What a peer shows in its handshake."""

    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def __post_init__(self) -> None:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
        now = datetime.datetime.now(datetime.UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=9))
            .sign(self.key, hashes.SHA256())
        )
        self.fingerprint = self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()


CERTIFICATE = Certificate()


def offer(
    *,
    ufrag: str = "peer",
    fingerprint: str = CERTIFICATE.fingerprint,
    sections: Sequence[tuple[str, str, str]] = (("video", "102", VIDEO),),
    direction: str = "recvonly",
    more: str = "",
) -> bytes:
    """The offer of a peer: sections of kind, formats and lines."""
    mids = " ".join(str(index) for index in range(len(sections)))
    text = f"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mids}\r\n{more}"
    for index, (kind, formats, lines) in enumerate(sections):
        text += (
            f"m={kind} 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\n"
            f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{'p' * 24}\r\n"
            f"a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=mid:{index}\r\n"
            f"a={direction}\r\na=rtcp-mux\r\n{lines}"
        )
    return text.encode()


async def post(port: int, target: str, body: bytes, **headers: str) -> HttpAnswer:
    """Send an offer; return the answer, whatever it is."""
    told = {"Content-Type": "application/sdp", **headers}
    return await fetch(port, target, method="POST", headers=told, body=body)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, peer: WebRtcPeer) -> None:
        self._peer = peer

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._peer._receive(data)


class WebRtcPeer:
    """One peer connection.

    Attributes:
        answer: the server's answer.
        location: where its session is.
        media: RTP packets in order of arrival, decrypted.
        reports: compound RTCP packets, decrypted.
        profile: how they were encrypted.
    """

    def __init__(self, answer: str, location: str, certificate: Certificate = CERTIFICATE) -> None:
        self.answer = answer
        self.location = location
        self.media: list[bytes] = []
        self.reports: list[bytes] = []
        self.stun: list[StunMessage] = []
        self.profile = b""
        self.left = False
        self._news = asyncio.Event()
        self._certificate = certificate
        self._ufrag = self._value("ice-ufrag")
        self._password = self._value("ice-pwd")
        self._profiles = b":".join(_PROFILES)
        self._transport: asyncio.DatagramTransport | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ssl: SSL.Connection | None = None
        self._in: pylibsrtp.Session | None = None
        self._out: pylibsrtp.Session | None = None

    @classmethod
    async def watch(
        cls,
        port: int,
        path: str,
        body: bytes | None = None,
        *,
        certificate: Certificate = CERTIFICATE,
        tcp: bool = False,
        profiles: bytes = b":".join(_PROFILES),
    ) -> Self:
        """Post an offer for a mount and connect."""
        return await cls._connected(
            port,
            f"{path}/whep",
            offer() if body is None else body,
            certificate=certificate,
            tcp=tcp,
            profiles=profiles,
        )

    @classmethod
    async def publish(cls, port: int, path: str, body: bytes | None = None) -> Self:
        """Post an offer to publish, and connect."""
        sent = offer(direction="sendonly") if body is None else body
        return await cls._connected(port, f"{path}/whip", sent)

    @classmethod
    async def _connected(
        cls,
        port: int,
        target: str,
        body: bytes,
        *,
        certificate: Certificate = CERTIFICATE,
        tcp: bool = False,
        profiles: bytes = b":".join(_PROFILES),
    ) -> Self:
        answer = await post(port, target, body)
        assert answer.status == 201, answer
        peer = cls(answer.body.decode(), answer.header("location") or "", certificate)
        peer._profiles = profiles
        await (peer.open_tcp() if tcp else peer.open_udp())
        peer.check()
        await peer.until(lambda: peer.stun)
        peer.shake()
        await peer.until(lambda: peer.profile)
        return peer

    async def open_udp(self) -> None:
        """Have a socket; a second call takes another one, as a phone that changes networks."""
        if self._transport is not None:
            self._transport.close()
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(self), remote_addr=self.candidate("udp")
        )

    async def open_tcp(self) -> None:
        """Connect to the passive candidate."""
        reader, self._writer = await asyncio.open_connection(*self.candidate("tcp"))
        self._reading = asyncio.create_task(self._read(reader))

    def candidate(self, transport: str) -> tuple[str, int]:
        """Where the server says that it is."""
        found = re.search(rf"a=candidate:\S+ 1 {transport} \d+ (\S+) (\d+) typ host", self.answer)
        assert found is not None, self.answer
        return found[1], int(found[2])

    def send(self, datagram: bytes) -> None:
        """Send bytes as they are."""
        if self._writer is not None:
            self._writer.write(len(datagram).to_bytes(2, "big") + datagram)
        elif self._transport is not None:
            self._transport.sendto(datagram)

    def check(
        self,
        *,
        username: str | None = None,
        password: str | None = None,
        nominate: bool = True,
        attributes: Sequence[tuple[int, bytes]] = ((Attribute.ICE_CONTROLLING, bytes(8)),),
    ) -> None:
        """Send a check."""
        nomination = ((Attribute.USE_CANDIDATE, b""),) if nominate else ()
        self.send(
            binding_request(
                secrets.token_bytes(12),
                username=username or f"{self._ufrag}:peer",
                password=password or self._password,
                attributes=(*attributes, *nomination),
            )
        )

    def shake(self) -> None:
        """Begin the handshake as its active side."""
        context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
        context.use_privatekey(self._certificate.key)
        context.use_certificate(self._certificate.certificate)
        context.set_tlsext_use_srtp(self._profiles)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        context.set_options(SSL.OP_NO_QUERY_MTU)
        self._ssl = SSL.Connection(context, None)
        self._ssl.set_connect_state()
        self._ssl.set_ciphertext_mtu(1_200)
        self._step()

    def send_rtp(self, *packets: bytes) -> None:
        """Send RTP, encrypted."""
        assert self._out is not None
        for packet in packets:
            self.send(self._out.protect(packet))

    def send_rtcp(self, compound: bytes) -> None:
        """Send RTCP, encrypted."""
        assert self._out is not None
        self.send(self._out.protect_rtcp(compound))

    async def until(self, ready: object) -> None:
        """Wait until a condition holds; looked at whenever something comes."""
        assert callable(ready)
        async with asyncio.timeout(_DEADLINE_S):
            while not ready():
                self._news.clear()
                await self._news.wait()

    async def leave(self, port: int) -> HttpAnswer:
        """End the session by its resource, and close the sockets."""
        answer = await fetch(port, self.location, method="DELETE")
        await self.close()
        return answer

    async def close(self) -> None:
        """Close the sockets without a word."""
        if self._transport is not None:
            self._transport.close()
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _value(self, name: str) -> str:
        found = re.search(rf"a={name}:(\S+)", self.answer)
        assert found is not None, self.answer
        return found[1]

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                self._receive(await reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left = True
            self._news.set()

    def _receive(self, data: bytes) -> None:
        if data[0] < 4:
            self.stun.append(StunMessage.parse(data))
        elif data[0] < 64 and self._ssl is not None:
            self._ssl.bio_write(data)
            self._step()
        elif self._in is not None and is_rtcp(data):
            self.reports.append(self._in.unprotect_rtcp(data))
        elif self._in is not None:
            self.media.append(self._media(data))
        self._news.set()

    def _media(self, data: bytes) -> bytes:
        assert self._in is not None
        try:
            packet: bytes = self._in.unprotect(data)
        except pylibsrtp.Error:
            # Sent again: it counts here, as it would not for a browser.
            packet = pylibsrtp.Session(self._policy).unprotect(data)
        return packet

    def _step(self) -> None:
        ssl = self._ssl
        assert ssl is not None
        try:
            if self.profile:
                ssl.recv(4_096)
            else:
                ssl.do_handshake()
                self._take_keys(ssl)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.left = True
        except SSL.Error:
            # The server refused: it shows by what it does not send.
            self.left = True
        try:
            while True:
                self.send(ssl.bio_read(1_500))
        except SSL.WantReadError:
            pass

    def _take_keys(self, ssl: SSL.Connection) -> None:
        profile = ssl.get_selected_srtp_profile()
        number, key, salt = _PROFILES[profile]
        material = ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        salts = material[2 * key :]
        ours, theirs = material[:key] + salts[:salt], material[key : 2 * key] + salts[salt:]
        self._policy = pylibsrtp.Policy(
            key=theirs, ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND, srtp_profile=number
        )
        self._in = pylibsrtp.Session(self._policy)
        self._out = pylibsrtp.Session(
            pylibsrtp.Policy(
                key=ours, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND, srtp_profile=number
            )
        )
        self.profile = profile


def noise(count: int) -> bytes:
    """Bytes that mean nothing."""
    return os.urandom(count)


def nack(media_ssrc: int, *numbers: int) -> bytes:
    """A compound that asks for packets again."""
    entries = b"".join(number.to_bytes(2, "big") + b"\0\0" for number in numbers)
    head = bytes((_NACK, 205)) + (2 + len(numbers)).to_bytes(2, "big")
    return (
        receiver_report(1, cname="peer") + head + bytes(4) + media_ssrc.to_bytes(4, "big") + entries
    )


def numbers(media: list[bytes]) -> list[int]:
    """Sequence numbers of packets."""
    return [int.from_bytes(packet[2:4], "big") for packet in media]


def ssrc(packet: bytes) -> int:
    """The source of a packet."""
    return int.from_bytes(packet[8:12], "big")
