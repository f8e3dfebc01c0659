"""Bits written as text, as the syntax tables of codecs have them one under the other."""

from __future__ import annotations


def ue(*numbers: int) -> str:
    """The bits of `ue(v)` numbers (ITU-T H.264 §9.1, H.265 §9.2)."""
    codes = (f"{number + 1:b}" for number in numbers)
    return "".join("0" * (len(code) - 1) + code for code in codes)


def packed(bits: str) -> bytes:
    """The bytes that these bits fill, the last one with zeros behind them."""
    padded = bits + "0" * (-len(bits) % 8)
    return int(padded, 2).to_bytes(len(padded) // 8, "big")
