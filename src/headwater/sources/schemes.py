"""The schemes of the URLs that a source may have: `kinds.KINDS` says what opens them."""

from __future__ import annotations

import re
from typing import Final

SCHEMES: Final = ("rtsp", "rtsps")

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
