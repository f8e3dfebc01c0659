"""Require, Proxy-Require and Unsupported: option tags (RFC 2326 §12.32, §12.41)."""

from collections.abc import Container, Iterable


def unsupported_options(values: Iterable[str], supported: Container[str] = ()) -> list[str]:
    """Return the option tags of Require headers that are not among the supported ones.

    A server MUST answer 551 and name them in Unsupported (RFC 2326 §12.32).
    """
    tags = [tag.strip() for value in values for tag in value.split(",")]
    return [tag for tag in tags if tag and tag not in supported]
