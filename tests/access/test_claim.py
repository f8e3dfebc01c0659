import pytest

from headwater.access.claim import Claim, password_of, understood
from headwater.protocol.header.authorization import BasicCredentials, DigestCredentials

DIGEST = 'Digest username="eve", realm="r", nonce="n", uri="rtsp://h/a", response="0123"'
BASIC = "Basic ZXZlOnNlY3JldA=="


@pytest.mark.parametrize(
    ("authorization", "kind", "proof"),
    [(BASIC, BasicCredentials, "secret"), (DIGEST, DigestCredentials, "0123")],
)
def test_what_a_client_shows(authorization: str, kind: type, proof: str) -> None:
    given = understood(authorization)
    assert isinstance(given, BasicCredentials | DigestCredentials)
    assert type(given) is kind
    assert (given.username, password_of(given)) == ("eve", proof)


@pytest.mark.parametrize("authorization", ["", "Basic !", "Digest username=", "Bearer abc"])
def test_what_is_not_understood(authorization: str) -> None:
    assert understood(authorization) is None


@pytest.mark.parametrize(
    ("peer", "text"), [("192.0.2.1", "192.0.2.1:5"), ("2001:db8::1", "[2001:db8::1]:5")]
)
def test_the_peer_as_logs_have_it(peer: str, text: str) -> None:
    claim = Claim("PLAY", "rtsp://h/a", BasicCredentials("eve", "secret"), 0.0, peer, 5)
    assert claim.peer_text == text
