"""DTLS as its passive side (RFC 5764): datagrams in, datagrams and keys out. No sockets."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from headwater.webrtc.srtp import PROFILES, SrtpKeys

_MOST_DATAGRAM_BYTES = 1_200
_RECORD_HEADER_BYTES = 13
_LENGTH_AT = slice(11, 13)
_READ_BYTES = 65_536
_LABEL = b"EXTRACTOR-dtls_srtp"
_LIVES_DAYS = 3_650
_EARLIER_DAYS = 2
"""The clocks of browsers may be slow."""


class DtlsFailed(Exception):  # noqa: N818 - named after what happened
    """The handshake cannot come to a good end; the message says why."""


class DtlsIdentity:
    """The server's certificate for DTLS, made at its start and known by its fingerprint alone.

    Attributes:
        fingerprint: sha-256 of the certificate, upper-case hex with colons (RFC 8122 §5).
        context: what handshakes are made of.
    """

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(key)
        self.fingerprint = _shown(certificate.fingerprint(hashes.SHA256()))
        self.context = SSL.Context(SSL.DTLS_SERVER_METHOD)
        self.context.use_privatekey(key)
        self.context.use_certificate(certificate)
        self.context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20")
        # RFC 5764 §4.1.2: the server chooses; the cheaper of what both know goes first.
        self.context.set_tlsext_use_srtp(b":".join(PROFILES))
        self.context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        self.context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU)
        # RFC 8827 §6.5: any certificate, as long as its fingerprint is that of the offer.
        self.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)


@dataclass(frozen=True, slots=True)
class _Hash:
    algorithm: hashes.HashAlgorithm


_HASHES = {
    "sha-256": _Hash(hashes.SHA256()),
    "sha-384": _Hash(hashes.SHA384()),
    "sha-512": _Hash(hashes.SHA512()),
}


class DtlsSession:
    """One handshake, and the end of what it began.

    Attributes:
        done: whether the handshake has ended well.
        ended: whether the peer has said that it ends.
    """

    def __init__(self, identity: DtlsIdentity) -> None:
        self._connection = SSL.Connection(identity.context, None)
        self._connection.set_accept_state()
        self._connection.set_ciphertext_mtu(_MOST_DATAGRAM_BYTES)
        self.done = False
        self.ended = False

    def receive(self, datagram: bytes) -> list[bytes]:
        """Take a datagram; return those to send. Raises DtlsFailed."""
        self._connection.bio_write(datagram)
        try:
            if self.done:
                self._read()
            else:
                self._connection.do_handshake()
                self.done = True
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            if not self.done:
                raise DtlsFailed(_reason(error)) from error
        return self._to_send()

    def retransmit(self) -> list[bytes]:
        """Return what is due to be sent again (RFC 6347 §4.2.4); called some times a second."""
        if self.done or self._connection.DTLSv1_get_timeout() != 0:
            return []
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise DtlsFailed(_reason(error)) from error
        return self._to_send()

    def keys(self, fingerprints: Mapping[str, str]) -> SrtpKeys:
        """Return the keys of both directions, once `done`.

        Raises DtlsFailed where the certificate is not the one of the offer, or no profile of SRTP
        is known to both.
        """
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            raise DtlsFailed("the peer showed no certificate")
        for name, value in fingerprints.items():
            known = _HASHES.get(name)
            if known is None or _shown(certificate.fingerprint(known.algorithm)) != value:
                raise DtlsFailed(
                    "the peer's certificate is not the one whose fingerprint its offer named"
                )
        profile = PROFILES.get(self._connection.get_selected_srtp_profile())
        if profile is None:
            raise DtlsFailed(
                "the peer knows neither SRTP_AEAD_AES_128_GCM nor SRTP_AES128_CM_SHA1_80"
            )
        material = self._connection.export_keying_material(_LABEL, 2 * profile.master_bytes)
        return SrtpKeys.of_server(profile, material)

    def close(self) -> list[bytes]:
        """Return what tells the peer that it is over."""
        if not self.done:
            return []
        try:
            self._connection.shutdown()
        except SSL.Error:
            return []
        return self._to_send()

    def _read(self) -> None:
        """Read what else the peer says: that it ends, or its last flight again."""
        try:
            while True:
                self._connection.recv(_READ_BYTES)
        except SSL.ZeroReturnError:
            self.ended = True

    def _to_send(self) -> list[bytes]:
        try:
            flight = self._connection.bio_read(_READ_BYTES)
        except SSL.WantReadError:
            return []
        return list(_datagrams(flight))


def _datagrams(flight: bytes) -> Iterator[bytes]:
    """Yield the records of a flight, as many in a datagram as fit: none may be cut."""
    start = at = 0
    while at + _RECORD_HEADER_BYTES <= len(flight):
        head = flight[at : at + _RECORD_HEADER_BYTES]
        end = at + _RECORD_HEADER_BYTES + int.from_bytes(head[_LENGTH_AT], "big")
        if end - start > _MOST_DATAGRAM_BYTES and at > start:
            yield flight[start:at]
            start = at
        at = end
    if start < len(flight):
        yield flight[start:]


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, secrets.token_hex(8))])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=_EARLIER_DAYS))
        .not_valid_after(now + datetime.timedelta(days=_LIVES_DAYS))
        .sign(key, hashes.SHA256())
    )


def _shown(digest: bytes) -> str:
    return digest.hex(":").upper()


def _reason(error: SSL.Error) -> str:
    reasons = error.args[0] if error.args else ()
    if isinstance(reasons, list | tuple) and reasons:
        return f"DTLS: {reasons[0][-1]}"
    return "DTLS: the handshake failed"
