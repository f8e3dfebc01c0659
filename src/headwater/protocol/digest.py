"""The mathematics of Digest authentication (RFC 7616, RFC 2069), for both sides.

Nothing here draws a nonce or looks at a clock: nonces, client nonces and counts are arguments.
"""

import hashlib
import hmac
from enum import StrEnum

from headwater.protocol.errors import Fault, ProtocolError
from headwater.protocol.header.authenticate import BasicChallenge, Challenge, DigestChallenge
from headwater.protocol.header.authorization import DigestCredentials

_FOR_SESSION = "-SESS"


class DigestAlgorithm(StrEnum):
    """Hashes of RFC 7616 §3.2 that are spoken here. ffmpeg knows MD5 alone."""

    MD5 = "MD5"
    SHA_256 = "SHA-256"


def algorithm_named(text: str | None) -> DigestAlgorithm | None:
    """Return the algorithm of that name in any case, MD5 for None, None for one unknown here."""
    if text is None:
        return DigestAlgorithm.MD5
    try:
        return DigestAlgorithm(text.strip().upper())
    except ValueError:
        return None


def is_answerable(challenge: Challenge) -> bool:
    """Return whether a client that has name and password can answer the challenge."""
    if isinstance(challenge, BasicChallenge):
        return True
    offered = [qop.lower() for qop in challenge.qop]
    return _client_algorithm(challenge)[0] is not None and (not offered or "auth" in offered)


def strength(challenge: Challenge) -> int:
    """Return a number that is greater the less an answer to the challenge gives away."""
    if isinstance(challenge, BasicChallenge):
        return 0
    algorithm, _ = _client_algorithm(challenge)
    return 2 if algorithm is DigestAlgorithm.SHA_256 else 1


def _client_algorithm(challenge: DigestChallenge) -> tuple[DigestAlgorithm | None, bool]:
    """Return the hash of a challenge, and whether its password is hashed for one session alone.

    That is `-sess` (RFC 7616 §3.4.2), which a client answers and a server here never asks for.
    """
    name = (challenge.algorithm or "").strip().upper()
    for_session = name.endswith(_FOR_SESSION)
    return algorithm_named(name.removesuffix(_FOR_SESSION) if name else None), for_session


def ha1(
    username: str, realm: str, password: str, algorithm: DigestAlgorithm = DigestAlgorithm.MD5
) -> str:
    """Return the hash of user, realm and password in hexadecimal: all a server has to keep."""
    return _hash(f"{username}:{realm}:{password}", algorithm)


def digest_response(
    user_ha1: str,
    *,
    method: str,
    uri: str,
    nonce: str,
    algorithm: DigestAlgorithm = DigestAlgorithm.MD5,
    qop: str | None = None,
    nc: str = "",
    cnonce: str = "",
) -> str:
    """Return the response in hexadecimal (RFC 7616 §3.4.1), without qop that of RFC 2069 §2.1.1.

    Args:
        user_ha1: result of `ha1` with the same algorithm.
        method: method of the request.
        uri: the `uri` parameter exactly as it stands in the credentials.
        nonce: the server's nonce.
        algorithm: the hash.
        qop: "auth" or None.
        nc: the count as eight hexadecimal digits, as written; with qop only.
        cnonce: the client's nonce; with qop only.

    Raises:
        ProtocolError: another qop than "auth" (fault LOCAL).
    """
    ha2 = _hash(f"{method}:{uri}", algorithm)
    if qop is None:
        return _hash(f"{user_ha1}:{nonce}:{ha2}", algorithm)
    if qop != "auth":
        raise ProtocolError(
            f"qop {qop!r} is not supported", status=500, fault=Fault.LOCAL, where="qop"
        )
    return _hash(f"{user_ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}", algorithm)


def digest_matches(credentials: DigestCredentials, *, user_ha1: str, method: str) -> bool:
    """Return whether the credentials prove the password behind `user_ha1`, in constant time.

    Says nothing of nonce, realm and URI: whoever keeps the nonces checks them. `user_ha1` must be
    of the credentials' algorithm; one unknown here, or a qop other than "auth", never matches.
    """
    algorithm = algorithm_named(credentials.algorithm)
    # An empty qop is what some cameras' client libraries send for none.
    qop = credentials.qop.lower() if credentials.qop else None
    if algorithm is None or qop not in (None, "auth"):
        return False
    expected = digest_response(
        user_ha1,
        method=method,
        uri=credentials.uri,
        nonce=credentials.nonce,
        algorithm=algorithm,
        qop=qop,
        nc=credentials.nc or "",
        cnonce=credentials.cnonce or "",
    )
    return hmac.compare_digest(expected.encode(), credentials.response.lower().encode())


def answer_challenge(
    challenge: DigestChallenge,
    *,
    username: str,
    password: str,
    method: str,
    uri: str,
    cnonce: str,
    nc: int = 1,
) -> DigestCredentials:
    """Return the credentials with which a client answers a challenge.

    Args:
        challenge: what the server asked for; qop "auth" is used where it is offered.
        username: the user's name.
        password: the password.
        method: method of the request to be sent.
        uri: URI of the request to be sent.
        cnonce: the client's random text.
        nc: how many requests were sent with this nonce, this one included.

    Raises:
        ProtocolError: the server wants an algorithm or a qop that is not spoken here.
    """
    algorithm, for_session = _client_algorithm(challenge)
    if algorithm is None or not is_answerable(challenge):
        raise ProtocolError("this kind of Digest is not supported", where="WWW-Authenticate")
    qop = "auth" if challenge.qop else None
    count = f"{nc:08x}"
    user_ha1 = ha1(username, challenge.realm, password, algorithm)
    if for_session:
        user_ha1 = _hash(f"{user_ha1}:{challenge.nonce}:{cnonce}", algorithm)
    response = digest_response(
        user_ha1,
        method=method,
        uri=uri,
        nonce=challenge.nonce,
        algorithm=algorithm,
        qop=qop,
        nc=count,
        cnonce=cnonce,
    )
    return DigestCredentials(
        username,
        challenge.realm,
        challenge.nonce,
        uri,
        response,
        # An empty name is no name; to say it back would be to name an algorithm that nobody knows.
        algorithm=challenge.algorithm or None,
        cnonce=cnonce if qop or for_session else None,
        nc=count if qop else None,
        qop=qop,
        opaque=challenge.opaque,
    )


def _hash(text: str, algorithm: DigestAlgorithm) -> str:
    # Names in header values may have come as Latin-1; lone surrogates cannot come at all.
    raw = text.encode("utf-8", "replace")
    if algorithm is DigestAlgorithm.SHA_256:
        return hashlib.sha256(raw).hexdigest()
    return hashlib.md5(raw, usedforsecurity=False).hexdigest()
