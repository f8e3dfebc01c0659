"""Handshakes of DTLS without sockets: an obedient client, and what cannot come to a good end."""

from __future__ import annotations

import contextlib

import pytest
from OpenSSL import SSL
from webrtc_peer import CERTIFICATE

from headwater.webrtc.dtls import DtlsFailed, DtlsIdentity, DtlsSession

RSA_ONLY = b"AES256-GCM-SHA384"


class Client:
    """The active side."""

    def __init__(self, *, srtp: bytes | None, ciphers: bytes = b"", shows: bool = True) -> None:
        context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
        if shows:
            context.use_privatekey(CERTIFICATE.key)
            context.use_certificate(CERTIFICATE.certificate)
        if srtp:
            context.set_tlsext_use_srtp(srtp)
        if ciphers:
            context.set_cipher_list(ciphers)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        context.set_options(SSL.OP_NO_QUERY_MTU)
        self.ssl = SSL.Connection(context, None)
        self.ssl.set_connect_state()
        self.ssl.set_ciphertext_mtu(1_200)

    def step(self, *datagrams: bytes) -> list[bytes]:
        """Take datagrams; what is to be sent."""
        for datagram in datagrams:
            self.ssl.bio_write(datagram)
        with contextlib.suppress(SSL.Error):
            self.ssl.do_handshake()
        sent = []
        try:
            while True:
                sent.append(self.ssl.bio_read(1_500))
        except SSL.WantReadError:
            return sent


PROFILES = b"SRTP_AEAD_AES_128_GCM"


def shaken(client: Client) -> DtlsSession:
    """A session after as many turns as a handshake may take."""
    session = DtlsSession(DtlsIdentity())
    said = client.step()
    for _ in range(6):
        answers = [answer for datagram in said for answer in session.receive(datagram)]
        said = client.step(*answers)
    return session


def test_a_handshake_gives_keys_for_the_fingerprint_of_the_offer() -> None:
    session = shaken(Client(srtp=PROFILES))
    assert session.done
    assert session.retransmit() == []
    keys = session.keys({"sha-256": CERTIFICATE.fingerprint})
    assert keys.profile.tag_bytes == 16
    assert session.close()
    assert not session.ended


def test_flights_are_cut_between_records_of_datagrams_that_fit() -> None:
    client = Client(srtp=PROFILES)
    session = DtlsSession(DtlsIdentity())
    (hello,) = client.step()
    cookie = session.receive(hello)
    flight = [each for datagram in client.step(*cookie) for each in session.receive(datagram)]
    assert flight
    for datagram in flight:
        assert len(datagram) <= 1_200
        at = 0
        while at < len(datagram):
            at += 13 + int.from_bytes(datagram[at + 11 : at + 13], "big")
        assert at == len(datagram)


@pytest.mark.parametrize(
    "fingerprints",
    [{"sha-256": "00:11"}, {"sha-1": CERTIFICATE.fingerprint}],
    ids=["another", "an unknown hash"],
)
def test_another_fingerprint_or_an_unknown_hash_is_refused(fingerprints: dict[str, str]) -> None:
    with pytest.raises(DtlsFailed, match="is not the one whose fingerprint its offer named"):
        shaken(Client(srtp=PROFILES)).keys(fingerprints)


def test_a_peer_without_a_profile_of_srtp_is_refused() -> None:
    with pytest.raises(DtlsFailed, match="the peer knows neither SRTP_AEAD_AES_128_GCM nor"):
        shaken(Client(srtp=None)).keys({"sha-256": CERTIFICATE.fingerprint})


def test_a_session_that_has_not_begun_shows_no_certificate_and_says_no_goodbye() -> None:
    session = DtlsSession(DtlsIdentity())
    with pytest.raises(DtlsFailed, match="the peer showed no certificate"):
        session.keys({})
    assert session.close() == []


@pytest.mark.parametrize(
    "client", [Client(srtp=PROFILES, shows=False), Client(srtp=PROFILES, ciphers=RSA_ONLY)],
    ids=["no certificate", "no cipher in common"],
)  # fmt: skip
def test_a_handshake_that_fails_says_why(client: Client) -> None:
    with pytest.raises(DtlsFailed, match=r"^DTLS: \w"):
        shaken(client)


def test_the_end_of_the_peer_is_noticed() -> None:
    client = Client(srtp=PROFILES)
    session = shaken(client)
    client.ssl.shutdown()
    session.receive(client.ssl.bio_read(1_500))
    assert session.ended
    # What is no record of this handshake changes nothing any more.
    assert session.receive(b"\x16\xfe\xfd" + bytes(40)) == []
