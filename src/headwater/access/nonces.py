"""Digest nonces that need no table: signed with the time and the address they were given to."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from enum import Enum, auto

_TIME_DIGITS = 12
_RANDOM_BYTES = 8
_MAC_DIGITS = 32
_DIGITS = _TIME_DIGITS + 2 * _RANDOM_BYTES + _MAC_DIGITS


class NonceState(Enum):
    """What a nonce that came back is worth."""

    FRESH = auto()
    EXPIRED = auto()
    FOREIGN = auto()


class Nonces:
    """Makes and judges nonces (RFC 7616 §5.4 suggests just this: time stamp, secret, hash).

    A nonce is good for one address, so that a digest overheard is of no use from another one.
    It may be used again within its lifetime: ffmpeg counts `nc` up, but live555 (VLC) and
    GStreamer answer in the manner of RFC 2069, which has no count, with one nonce for all
    requests of a session.
    """

    def __init__(self, lifetime_s: float) -> None:
        self.lifetime_s = lifetime_s
        self.secret = secrets.token_bytes(32)
        """Processes that have the same know each other's nonces."""

    def issue(self, now: float, peer: str) -> str:
        """Return a new nonce, in hexadecimal digits."""
        stamp = f"{round(now * 1000):0{_TIME_DIGITS}x}{secrets.token_hex(_RANDOM_BYTES)}"
        return stamp + self._mac(stamp, peer)

    def judge(self, nonce: str, now: float, peer: str) -> NonceState:
        """Return whether the nonce was given to this address, with this secret, and is good yet."""
        stamp, mac = nonce[:-_MAC_DIGITS], nonce[-_MAC_DIGITS:]
        if len(nonce) != _DIGITS or not nonce.isascii():
            return NonceState.FOREIGN
        if not hmac.compare_digest(mac, self._mac(stamp, peer)):
            return NonceState.FOREIGN
        age_ms = round(now * 1000) - int(stamp[:_TIME_DIGITS], 16)
        return NonceState.FRESH if age_ms <= round(self.lifetime_s * 1000) else NonceState.EXPIRED

    def _mac(self, stamp: str, peer: str) -> str:
        text = f"{stamp}{peer}".encode()
        return hmac.new(self.secret, text, hashlib.sha256).hexdigest()[:_MAC_DIGITS]
