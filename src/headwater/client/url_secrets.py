"""Secrets of URLs that stand in the environment or in files: put in when a URL is opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

PLACEHOLDER: Final = re.compile(r"\$\{(file:[^}]+|[A-Za-z_][A-Za-z0-9_]*)\}")
_LOGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://([^/?#]*)@")
_MOST_SECRET_BYTES: Final = 4096


class SecretMissing(Exception):  # noqa: N818 (named for what is wrong)
    """What a URL names is not there.

    Attributes:
        message: what is missing, without a secret.
        may_pass: whether it may be there later: a file, but no variable.
    """

    def __init__(self, message: str, *, may_pass: bool) -> None:
        super().__init__(message)
        self.message = message
        self.may_pass = may_pass


def with_secrets(
    template: str, environment: Mapping[str, str] | None = None
) -> tuple[str, tuple[str, ...]]:
    """Return the URL with `${NAME}` and `${file:/path}` replaced, and the secrets put in.

    In the user's name and password they are percent-encoded, so that any character may stand in
    them; elsewhere they stand as they are.

    Raises SecretMissing where a variable or file is missing, naming it.
    """
    variables = os.environ if environment is None else environment
    # What stands for a placeholder has no slash, which would end the login.
    login = _LOGIN.match(PLACEHOLDER.sub(lambda found: "x" * len(found[0]), template))
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

    return PLACEHOLDER.sub(value_of, template), tuple(secrets)


def missing_secrets(template: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with each `${NAME}` and `${file:/path}` that cannot be put in now."""
    for name in dict.fromkeys(PLACEHOLDER.findall(template)):
        try:
            _secret(name, environment)
        except SecretMissing as error:
            yield error.message


def without_secrets(text: str, secrets: Sequence[str]) -> str:
    """Return a text in which no secret is left."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


def _secret(name: str, variables: Mapping[str, str]) -> str:
    if name.startswith("file:"):
        return _first_line(Path(name.removeprefix("file:")))
    if name not in variables:
        raise SecretMissing(
            f"there is no variable {name} in the environment of the server", may_pass=False
        )
    return variables[name]


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline(_MOST_SECRET_BYTES).rstrip("\r\n")
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise SecretMissing(f"{path} cannot be read: {cause}", may_pass=True) from None
