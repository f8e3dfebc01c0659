"""Grammar that several headers share: lists and parameters in which quotes hide separators."""

import re

from headwater.protocol.errors import ProtocolError

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_AUTH_PARAMETER = re.compile(
    r"""\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]*))\s*(?:,|\Z)""",
    re.DOTALL,
)


def split_quoted(value: str, separator: str) -> list[str]:
    """Split at a one-character separator outside of double quotes; blank parts are dropped.

    A quote that is never closed reaches to the end.
    """
    if '"' not in value:
        return [*filter(None, map(str.strip, value.split(separator)))]
    parts: list[str] = []
    # Every second piece between quotes is quoted text; "\"" inside it is not told apart, for
    # none of the headers split so may hold one.
    current = ""
    for index, piece in enumerate(value.split('"')):
        if index % 2:
            current += f'"{piece}"'
            continue
        first, *others = piece.split(separator)
        current += first
        for other in others:
            parts.append(current)
            current = other
    parts.append(current)
    return [part.strip() for part in parts if part.strip()]


def unquoted(value: str) -> str:
    """Strip blanks and one pair of double quotes, undoing backslashes inside."""
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return _ESCAPED.sub(r"\1", value[1:-1])
    return value


def quoted(value: str) -> str:
    """Return the value as a quoted string (RFC 2068 §2.2)."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def auth_parameters(text: str, *, where: str) -> dict[str, str]:
    """Read `name="value", name=value`; names come out in lower case, values without quotes.

    Raises:
        ProtocolError: 400, when the text is no such list or a name comes twice.
    """
    found: dict[str, str] = {}
    position = 0
    text = text.strip().rstrip(",")
    while position < len(text):
        match = _AUTH_PARAMETER.match(text, position)
        if match is None:
            raise ProtocolError("a parameter cannot be read", where=where, offset=position)
        name = match[1].lower()
        if name in found:
            raise ProtocolError(f"{name} twice", where=where, offset=position)
        found[name] = _ESCAPED.sub(r"\1", match[2]) if match[2] is not None else match[3]
        position = match.end()
    return found
