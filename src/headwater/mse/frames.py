"""Frames of WebSocket as a server sends them (RFC 6455 §5.2): never masked, so one is for all."""

from __future__ import annotations

from enum import IntEnum

_FINAL = 0x80
_SHORT, _LONG = 126, 127
_MOST_REASON_BYTES = 123
"""§5.5: a control frame has at most 125 bytes, two of which are the code."""


class Opcode(IntEnum):
    """What a frame holds."""

    TEXT = 1
    BINARY = 2
    CLOSE = 8


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """Return a message of one frame."""
    size = len(payload)
    if size < _SHORT:
        return bytes((_FINAL | opcode, size)) + payload
    if size <= 0xFFFF:
        return bytes((_FINAL | opcode, _SHORT)) + size.to_bytes(2, "big") + payload
    return bytes((_FINAL | opcode, _LONG)) + size.to_bytes(8, "big") + payload


def close_frame(code: int, reason: str) -> bytes:
    """Return the frame that ends the connection, with the reason as far as it fits."""
    told = reason.encode()[:_MOST_REASON_BYTES].decode(errors="ignore").encode()
    return frame(Opcode.CLOSE, code.to_bytes(2, "big") + told)
