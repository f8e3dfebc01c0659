"""URLs that may hold passwords: shown without them, read from files that hold them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

FILE_SIGN = "@"
"""`@FILE` stands for the text of the file, as in curl."""
_FILE_BYTES = 65_536

_AUTHORITY = re.compile(r"(?<=://)[^/?#\s]*@")
_QUERY = re.compile(r"\?.*", re.DOTALL)


def shown(url: str) -> str:
    """Return a source or URL as it may be shown: without user, password and query."""
    if "://" not in url:
        return url
    return _QUERY.sub("?…", _AUTHORITY.sub("", url))


def without_secrets(text: str, *urls: str) -> str:
    """Return a library's message without these URLs and their passwords."""
    for url in urls:
        text = text.replace(url, shown(url))
        for secret in sorted(_secrets(url), key=len, reverse=True):
            text = text.replace(secret, "…")
    return text


def given(text: str) -> str:
    """Return what an argument means: itself, or the first line of the file that `@FILE` names.

    Raises OSError when the file cannot be read, and ValueError when there is nothing in it.
    """
    if not text.startswith(FILE_SIGN):
        return text
    with Path(text[1:]).open(encoding="utf-8", errors="surrogateescape") as file:
        line = file.readline(_FILE_BYTES).strip()
    if not line:
        raise ValueError(f"{text[1:]}: the first line is empty; it must be a URL")
    return line


def is_local_file(source: str) -> bool:
    """Return whether a source is a file, which has an end and is sent at its own pace."""
    return os.path.isfile(source.removeprefix("file:"))  # noqa: PTH113 (any text may be asked)


def _secrets(url: str) -> set[str]:
    if "://" not in url:
        return set()
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        return set()
    return {form for form in (password, unquote(password), quote(password)) if form}
