"""The URL of a source as the owner writes it, and as it is opened: secrets and captures put in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from headwater.sources.source import Retry, SourceError

_PLACEHOLDER: Final = re.compile(r"\$\{(file:[^}]+|[A-Za-z_][A-Za-z0-9_]*)\}")
_CAPTURE: Final = re.compile(r"\{([1-9])\}")
_LOGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://([^/?#]*)@")
_AUTHORITY: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/?#]*")
_MOST_SECRET_BYTES: Final = 4096


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
    if template.startswith("command:") and _CAPTURE.search(template):
        raise ValueError(
            "has a capture; what a reader asks for is no part of a command: it gets the path of "
            "the mount as $HEADWATER_PATH"
        )
    numbers = [int(number) for number in _CAPTURE.findall(template)]
    if numbers and max(numbers) > wildcards:
        raise ValueError(
            f"has {{{max(numbers)}}}, and the name of the section has {wildcards} wildcards"
        )
    plain = _PLACEHOLDER.sub("x", template)
    authority = _AUTHORITY.match(plain)
    if authority is not None and _CAPTURE.search(authority[0]):
        raise ValueError("has a capture in front of its path; it may stand in path and query only")


def with_secrets(
    template: str, environment: Mapping[str, str] | None = None
) -> tuple[str, tuple[str, ...]]:
    """Return the URL with `${NAME}` and `${file:/path}` replaced, and the secrets put in.

    In the user's name and password they are percent-encoded, so that any character may stand in
    them; elsewhere they stand as they are.

    Raises SourceError where a variable or file is missing, naming it.
    """
    if template.startswith("command:"):
        # Put in by the kind itself, once its words are split: a value must not become two words.
        return template, ()
    variables = os.environ if environment is None else environment
    # What stands for a placeholder has no slash, which would end the login.
    login = _LOGIN.match(_PLACEHOLDER.sub(lambda found: "x" * len(found[0]), template))
    login_end = 0 if login is None else login.end()
    secrets: list[str] = []

    def value_of(found: re.Match[str]) -> str:
        secret = _secret(found[1], variables)
        if not secret:
            return ""
        secrets.append(secret)
        if found.start() < login_end:
            quoted = quote(secret, safe="")
            secrets.append(quoted)
            return quoted
        return secret

    return _PLACEHOLDER.sub(value_of, template), tuple(secrets)


def without_secrets(text: str, secrets: Sequence[str]) -> str:
    """Return a text in which no secret is left."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


def _secret(name: str, variables: Mapping[str, str]) -> str:
    if name.startswith("file:"):
        return _first_line(Path(name.removeprefix("file:")))
    if name not in variables:
        raise SourceError(
            f"there is no variable {name} in the environment of the server", Retry.SLOWLY
        )
    return variables[name]


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline(_MOST_SECRET_BYTES).rstrip("\r\n")
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise SourceError(f"{path} cannot be read: {cause}") from None
