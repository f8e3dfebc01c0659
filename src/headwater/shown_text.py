"""Text of peers, made fit to be shown: in a log line, on a terminal, in JSON, on a web page.

Whatever a peer chose goes through `shown` before anybody reads it: user agents, paths, parts of
descriptions, session ids, headers, and messages and tracebacks that quote them. (A web page
escapes its markup as well: letters such as `<` are not for this module to judge.)
"""

from __future__ import annotations

import re
from typing import Final

LINE_CHARACTERS: Final = 256
"""The most that one text takes in a log line: a name is known by then."""

DOCUMENT_CHARACTERS: Final = 4096
"""The most that one text takes in a status: every path is whole (`limits.path_bytes`)."""

# Letters by their class, yet nothing that the eye sees (Unicode's Default_Ignorable_Code_Point).
_INVISIBLE_LETTERS: Final = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0"
_INVISIBLE: Final = re.compile(f"[{_INVISIBLE_LETTERS}\U000e0100-\U000e01ef]")
# More marks upon one letter than any script needs would be written over the lines around it.
_PILED_MARKS: Final = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]{3,}")
_SECRET_IN_URL: Final = re.compile(
    r"((?:passw(?:or)?d|passphrase|pwd|pass|secret|token|key|auth)=)[^&/?#\s\"']+", re.IGNORECASE
)
_CUT_BLANKS: Final = re.compile("\\n ?\\Z")
_CREDENTIALS: Final = re.compile(r"://[^\s\"']*@")
_LOGIN_OF_URL: Final = re.compile("://.*@", re.DOTALL)
_RAW_BYTES: Final = range(0xDC80, 0xDD00)
"""What bytes that are no UTF-8 become (PEP 383)."""


def shown(text: str, most: int = LINE_CHARACTERS) -> str:
    """Return the text in printable characters, at most `most` of them.

    Control characters (C0, C1), bidirectional and zero-width marks, surrogates, line separators
    and blanks other than the space become escapes such as `\\n`, `\\x1b`, `\\u202e`; a byte that is
    no UTF-8 becomes `\\xff`. Of a longer text the beginning stays, and how many characters it had.
    What was made fit once stays as it is.
    """
    length = len(text)
    # An escape is longer than what it stands for: what is behind `most` is never seen.
    text = _printable(text[: most + 1])
    if length <= most and len(text) <= most:
        return text
    note = f"… ({length} characters)"
    return text[: max(0, most - len(note))] + note[:most]


def without_credentials(text: str) -> str:
    """Return the text with `…` in place of user names and passwords in its URLs.

    All up to the last `@` of a word counts as such: a password may hold any letter as it is. What
    a URL says of a password, token or key behind its host is left out as well.
    """
    return _SECRET_IN_URL.sub(r"\1…", _CREDENTIALS.sub("://…@", text))


def setting_without_credentials(value: object) -> object:
    """Return a setting as `without_credentials` does a text, for a text that is one URL or a list.

    There blanks and quotes are no end of the URL: they may be a part of its password.
    """
    match value:
        case str():
            return without_credentials(_LOGIN_OF_URL.sub("://…@", value))
        case tuple() | list():
            return type(value)(map(setting_without_credentials, value))
    return value


def url_without_credentials(url: str) -> str:
    """Return a URL, all of the text, with `…` in place of user name, password and other secrets."""
    return str(setting_without_credentials(url))


def shown_lines(text: str, most: int) -> str:
    """Return a text of several lines, such as a traceback, with each line made fit and set in.

    Set in, so that no line of a peer's text can be taken for a line of the log. Of a longer text
    beginning and end stay, `most` characters in all.
    """
    lines = [f"  {shown(line)}" for line in text[: 4 * most].split("\n")]
    if len(text) > 4 * most:
        lines += ["  …", *(f"  {shown(line)}" for line in text[-most:].split("\n"))]
    whole = "\n".join(lines)
    if len(whole) <= most:
        return whole
    gap = "\n  …\n"
    half = (most - len(gap)) // 2
    # A cut in front of a line, or within its blanks, would leave one that is not set in.
    head = _CUT_BLANKS.sub("", whole[:half])
    return f"{head}{gap}  {whole[len(whole) - half + 2 :]}"


def _printable(text: str) -> str:
    # `isprintable` refuses all that Unicode calls other (C) or separator (Z), but for the space.
    if not text.isprintable():
        text = "".join(c if c.isprintable() else _escape(c) for c in text)
    if text.isascii():
        return text
    text = _INVISIBLE.sub(lambda match: _escape(match[0]), text)
    return _PILED_MARKS.sub(lambda match: "".join(map(_escape, match[0])), text)


def _escape(character: str) -> str:
    code = ord(character)
    if code in _RAW_BYTES:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return repr(character)[1:-1]
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
