"""What a client's first flight of TLS says, before anything is decrypted (RFC 8446 §4.1.2)."""

HANDSHAKE = b"\x16"
"""Type of a record that carries a handshake, its first byte."""
_CLIENT_HELLO = 1
_ALPN = 16
_RECORD_HEAD_BYTES = 5
_MESSAGE_HEAD_BYTES = 4
_VERSION_AND_RANDOM_BYTES = 34


def alpn_names(data: bytes) -> tuple[bytes, ...] | None:
    """Return the protocols that a client hello offers (RFC 7301 §3.1), none where it offers none.

    None where the record is not whole yet. What is no client hello, or is broken, offers nothing:
    the handshake will say what is wrong.
    """
    if len(data) < _RECORD_HEAD_BYTES:
        return None
    size = int.from_bytes(data[3:5], "big")
    record = data[_RECORD_HEAD_BYTES : _RECORD_HEAD_BYTES + size]
    if len(record) < size:
        return None
    if record[:1] != bytes((_CLIENT_HELLO,)):
        return ()
    at = _MESSAGE_HEAD_BYTES + _VERSION_AND_RANDOM_BYTES
    # Session id, cipher suites and compression methods, each behind its size.
    for size_bytes in (1, 2, 1):
        at += size_bytes + int.from_bytes(record[at : at + size_bytes], "big")
    return _names(record, at + 2)


def _names(record: bytes, at: int) -> tuple[bytes, ...]:
    """Return the names of the ALPN extension, of extensions that begin at a place."""
    while at + 4 <= len(record):
        kind = int.from_bytes(record[at : at + 2], "big")
        size = int.from_bytes(record[at + 2 : at + 4], "big")
        if kind == _ALPN:
            return _listed(record[at + 6 : at + 4 + size])
        at += 4 + size
    return ()


def _listed(names: bytes) -> tuple[bytes, ...]:
    found: list[bytes] = []
    at = 0
    while at < len(names):
        size = names[at]
        found.append(names[at + 1 : at + 1 + size])
        at += 1 + size
    return tuple(found)
