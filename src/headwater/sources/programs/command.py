"""`command:`: a program of the owner's, such as ffmpeg, that publishes to this server."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final

from headwater.sources.programs.program_source import (
    PATH_VARIABLE,
    URL_VARIABLE,
    ProgramSource,
    masked,
)
from headwater.sources.schemes import split_command
from headwater.sources.settings import SourceSettings
from headwater.sources.source import SourcePlace
from headwater.sources.source_url import word_with_secrets

_NAME: Final = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_SHORTEST_SECRET: Final = 4
"""What is shorter would black out half of every line."""


class CommandSource(ProgramSource):
    """The words of a command, split as a shell does, and started without one.

    `$NAME` and `${NAME}` stand for variables, among them those of the door and of the path. They
    are put in once the words are split: no value becomes two words, or a command.
    """

    def __init__(self, url: str, _settings: SourceSettings, place: SourcePlace) -> None:
        """Raises ValueError for a command that cannot be split."""
        super().__init__(place)
        self._words = split_command(url)
        self._secrets: list[str] = []

    def _command(self, url: str, path: str) -> tuple[Sequence[str], bytes]:
        environment = {**os.environ, URL_VARIABLE: url, PATH_VARIABLE: path}
        return [self._put_in(word, environment) for word in self._words], b""

    def _put_in(self, word: str, environment: Mapping[str, str]) -> str:
        # Both forms in one go: the path, which a reader may have chosen, can hold the other one.
        word = _NAME.sub(lambda found: _braced(found, environment), word)
        word, secrets = word_with_secrets(word, environment)
        values = {environment[URL_VARIABLE], environment[PATH_VARIABLE]}
        self._secrets += [
            secret for secret in secrets if len(secret) >= _SHORTEST_SECRET and secret not in values
        ]
        return word

    def _reason(self, lines: Sequence[str]) -> str:  # noqa: ARG002 - its exit code says it
        return ""

    def _said(self, lines: Sequence[str]) -> list[str]:
        return masked(lines, self._secrets)


def _braced(found: re.Match[str], environment: Mapping[str, str]) -> str:
    """Return `$NAME` as `${NAME}`; what is no variable stays as it is."""
    return f"${{{found[1]}}}" if found[1] in environment else found[0]
