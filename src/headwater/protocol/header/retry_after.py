"""Retry-After: when to come again after 503 (RFC 2326 §12.31)."""

import math


def format_retry_after(delay_s: float) -> str:
    """Return the header value: whole seconds, rounded up, at least 1."""
    return str(max(1, math.ceil(delay_s)))


def parse_retry_after(value: str) -> int | None:
    """Return the seconds to wait; None when it is a date or cannot be read."""
    text = value.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
