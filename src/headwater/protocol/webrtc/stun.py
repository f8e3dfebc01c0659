"""STUN messages as ICE uses them (RFC 8489, RFC 8445): read, checked and written."""

import hashlib
import hmac
import ipaddress
from binascii import crc32
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct

from headwater.protocol.errors import ProtocolError

HEADER_BYTES = 20
_COOKIE = 0x2112A442
_FINGERPRINT_XOR = 0x5354554E
_HEADER = Struct(">HHI12s")
_ATTRIBUTE = Struct(">HH")
_DIGEST_BYTES = 20
_WHERE = "STUN message"
_IPV4, _IPV6 = 1, 2

BINDING_REQUEST = 0x0001
BINDING_INDICATION = 0x0011
BINDING_SUCCESS = 0x0101
BINDING_ERROR = 0x0111


class Attribute(IntEnum):
    """Attributes that are read or written here (RFC 8489 §18.3, RFC 8445 §16.1)."""

    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    XOR_MAPPED_ADDRESS = 0x0020
    PRIORITY = 0x0024
    USE_CANDIDATE = 0x0025
    FINGERPRINT = 0x8028
    ICE_CONTROLLED = 0x8029
    ICE_CONTROLLING = 0x802A


@dataclass(frozen=True, slots=True)
class StunMessage:
    """A message as it came.

    Attributes:
        kind: method and class, such as `BINDING_REQUEST`.
        transaction: its 12 bytes.
        attributes: the first value of each type.
        raw: all of it.
    """

    kind: int
    transaction: bytes
    attributes: Mapping[int, bytes]
    raw: bytes = field(repr=False)
    _integrity_at: int = field(repr=False, default=-1)

    @classmethod
    def parse(cls, datagram: bytes) -> "StunMessage":
        """Read a message, and check its fingerprint where it has one.

        Raises:
            ProtocolError: it is none, or is damaged.
        """
        if len(datagram) < HEADER_BYTES:
            raise _broken("shorter than its header", len(datagram))
        kind, length, cookie, transaction = _HEADER.unpack_from(datagram)
        if kind >= 0x4000 or cookie != _COOKIE:
            raise _broken("no magic cookie", 4)
        if length % 4 or HEADER_BYTES + length != len(datagram):
            raise _broken("of another length than it says", 2)
        attributes: dict[int, bytes] = {}
        integrity_at = -1
        at = HEADER_BYTES
        while at < len(datagram):
            name, size = _ATTRIBUTE.unpack_from(datagram, at)
            value = datagram[at + 4 : at + 4 + size]
            if len(value) < size:
                raise _broken("an attribute ends behind it", at)
            if name == Attribute.FINGERPRINT:
                _check_fingerprint(datagram, at, value)
                attributes[name] = value
                break
            # RFC 8489 §14.5: what follows MESSAGE-INTEGRITY is not covered, so it counts for
            # nothing.
            if integrity_at < 0:
                attributes.setdefault(name, value)
                if name == Attribute.MESSAGE_INTEGRITY:
                    integrity_at = at
            at += 4 + size + -size % 4
        return cls(kind, transaction, attributes, datagram, integrity_at)

    @property
    def username(self) -> tuple[str, str] | None:
        """Fragments of receiver and sender (RFC 8445 §7.2.2); None without them."""
        value = self.attributes.get(Attribute.USERNAME)
        if value is None:
            return None
        receiver, colon, sender = value.decode("utf-8", "replace").partition(":")
        return (receiver, sender) if colon else None

    @property
    def nominates(self) -> bool:
        """Whether the sender chooses the way that this message came by."""
        return Attribute.USE_CANDIDATE in self.attributes

    def is_signed_with(self, password: str) -> bool:
        """Return whether its MESSAGE-INTEGRITY is of this password."""
        at = self._integrity_at
        if at < 0:
            return False
        signature = self.attributes[Attribute.MESSAGE_INTEGRITY]
        return hmac.compare_digest(signature, _signature(self.raw[:at], password))


def binding_request(
    transaction: bytes,
    *,
    username: str,
    password: str,
    attributes: Iterable[tuple[int, bytes]] = (),
) -> bytes:
    """Return a signed request, as a peer that checks a way sends it."""
    named = ((Attribute.USERNAME, username.encode()), *attributes)
    return _signed(_message(BINDING_REQUEST, transaction, named), password)


def binding_success(request: StunMessage, address: tuple[str, int], password: str) -> bytes:
    """Return the answer to a request that came from an address (RFC 8489 §14.2)."""
    host, port = address
    packed = ipaddress.ip_address(host).packed
    mask = _COOKIE.to_bytes(4, "big") + request.transaction
    value = (
        bytes((0, _IPV4 if len(packed) == 4 else _IPV6))
        + (port ^ _COOKIE >> 16).to_bytes(2, "big")
        + bytes(byte ^ key for byte, key in zip(packed, mask, strict=False))
    )
    attributes = ((Attribute.XOR_MAPPED_ADDRESS, value),)
    return _signed(_message(BINDING_SUCCESS, request.transaction, attributes), password)


def binding_error(request: StunMessage, code: int, reason: str, password: str) -> bytes:
    """Return a refusal of a request that was signed (RFC 8489 §14.8)."""
    value = bytes((0, 0, code // 100, code % 100)) + reason.encode()
    attributes = ((Attribute.ERROR_CODE, value),)
    return _signed(_message(BINDING_ERROR, request.transaction, attributes), password)


def _message(kind: int, transaction: bytes, attributes: Iterable[tuple[int, bytes]]) -> bytes:
    body = b"".join(
        _ATTRIBUTE.pack(name, len(value)) + value + bytes(-len(value) % 4)
        for name, value in attributes
    )
    return _HEADER.pack(kind, len(body), _COOKIE, transaction) + body


def _signed(message: bytes, password: str) -> bytes:
    signature = _signature(message, password)
    head = _ATTRIBUTE.pack(Attribute.MESSAGE_INTEGRITY, _DIGEST_BYTES)
    message = _with_length(message + head + signature, 8)
    checksum = crc32(message) ^ _FINGERPRINT_XOR
    return message + _ATTRIBUTE.pack(Attribute.FINGERPRINT, 4) + checksum.to_bytes(4, "big")


def _signature(covered: bytes, password: str) -> bytes:
    """Return the signature of all that is before it; the length counts it in (RFC 8489 §14.5)."""
    length = len(covered) - HEADER_BYTES + 4 + _DIGEST_BYTES
    text = covered[:2] + length.to_bytes(2, "big") + covered[4:]
    return hmac.digest(password.encode(), text, hashlib.sha1)


def _with_length(message: bytes, more_bytes: int) -> bytes:
    length = len(message) - HEADER_BYTES + more_bytes
    return message[:2] + length.to_bytes(2, "big") + message[4:]


def _check_fingerprint(datagram: bytes, at: int, value: bytes) -> None:
    checksum = crc32(datagram[:at]) ^ _FINGERPRINT_XOR
    if value != checksum.to_bytes(4, "big"):
        raise _broken("its fingerprint is wrong", at)


def _broken(what: str, offset: int) -> ProtocolError:
    return ProtocolError(f"STUN: {what}", where=_WHERE, offset=offset)
