"""The schemes of the URLs that a source may have: `kinds.KINDS` says what opens them."""

from __future__ import annotations

import re
import shlex
from typing import Final

MEDIA_SCHEMES: Final = ("srt", "rtmp", "rtmps", "http", "https", "udp", "rtp", "tcp")
"""What PyAV opens, beside files."""

SCHEMES: Final = ("rtsp", "rtsps", "file", "command", *MEDIA_SCHEMES)

_COMMAND: Final = "command:"
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")


def scheme_of(url: str) -> str:
    """Return the scheme of a source's URL in small letters. Raises ValueError without a known one.

    The words of the error hold no part of the URL but its scheme.
    """
    found = _SCHEME.match(url)
    known = ", ".join(f"{scheme}:" for scheme in SCHEMES)
    if found is None:
        raise ValueError(f"it must be a URL that begins with one of {known}")
    scheme = found[1].lower()
    if scheme not in SCHEMES:
        raise ValueError(f"{scheme}: is not a source that is known; there are {known}")
    return scheme


def split_command(url: str) -> list[str]:
    """Return the words of a command. Raises ValueError where a quote is open, or there is none."""
    try:
        words = shlex.split(url[len(_COMMAND) :])
    except ValueError:
        raise ValueError("a quote of the command is not closed") from None
    if not words:
        raise ValueError("there is no command behind command:")
    return words
