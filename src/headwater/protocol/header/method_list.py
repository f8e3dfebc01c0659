"""Public and Allow: lists of methods (RFC 2326 §12.28, §12.4)."""

from collections.abc import Iterable


def parse_methods(value: str) -> tuple[str, ...]:
    """Return the methods of a Public or Allow header, in order."""
    return tuple(name for part in value.split(",") if (name := part.strip()))


def format_methods(methods: Iterable[str]) -> str:
    """Return the header value; a `Method` or its name may be given."""
    return ", ".join(str(method) for method in methods)
