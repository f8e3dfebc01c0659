"""The URL of a source as the owner writes it, and as it is opened: secrets and captures put in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from headwater.client.url_secrets import PLACEHOLDER, SecretMissing
from headwater.client.url_secrets import with_secrets as with_secrets_of_url
from headwater.sources.schemes import scheme_of
from headwater.sources.source import Retry, SourceError

_CAPTURE: Final = re.compile(r"\{([1-9])\}")
_WHOLE_PATH: Final = re.compile(r"file:(?://)?\{[1-9]\}", re.IGNORECASE)
_AUTHORITY: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/?#]+")


def with_captures(template: str, captured: Sequence[str]) -> str:
    """Return the URL with `{1}`, `{2}` … replaced by what the wildcards matched, percent-encoded.

    A slash stays one. Raises LookupError where that would lead out of the URL's path.
    """
    for part in captured:
        if any(segment in {".", ".."} for segment in part.split("/")):
            raise LookupError("a dot segment would lead out of the source's path")
    return _CAPTURE.sub(lambda found: quote(captured[int(found[1]) - 1], safe="/"), template)


def check_captures(template: str, wildcards: int) -> None:
    """Raise ValueError where a URL has captures that its pattern does not give, or misplaced ones.

    They may stand in path and query only: no reader chooses the host that the server calls.
    """
    if not _CAPTURE.search(template):
        return
    scheme = scheme_of(template)
    if scheme == "command":
        raise ValueError(
            "has a capture; what a reader asks for is no part of a command: it gets the path of "
            "the mount as $HEADWATER_PATH"
        )
    numbers = [int(number) for number in _CAPTURE.findall(template)]
    if max(numbers) > wildcards:
        raise ValueError(
            f"has {{{max(numbers)}}}, and the name of the section has {wildcards} wildcards"
        )
    if scheme == "file":
        if _WHOLE_PATH.match(template):
            raise ValueError("has a capture right behind file:; write file:./ in front of it")
        return
    # `rtsp:/{1}` has no authority, until a reader asks for one that begins with a slash.
    authority = _AUTHORITY.match(PLACEHOLDER.sub("x", template))
    if authority is None or _CAPTURE.search(authority[0]):
        raise ValueError("has a capture in front of its path; it may stand in path and query only")


def with_secrets(template: str) -> tuple[str, tuple[str, ...]]:
    """Return the URL with its secrets, as `headwater.client.url_secrets` puts them in.

    Raises SourceError where a variable or file is missing, naming it.
    """
    if scheme_of(template) == "command":
        # Put in by the kind itself, once its words are split: a value must not become two words.
        return template, ()
    return word_with_secrets(template, os.environ)


def word_with_secrets(template: str, environment: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return a URL, or one word of a command, with its secrets. Raises SourceError as above."""
    try:
        return with_secrets_of_url(template, environment)
    except SecretMissing as error:
        raise SourceError(error.message, Retry.SOON if error.may_pass else Retry.SLOWLY) from None
