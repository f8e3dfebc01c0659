"""Files, and URLs of any kind that PyAV opens: read by a process of their own, never encoded."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from headwater.libav.remux.interpreter import interpreter_options
from headwater.libav.remux.reports import Ended, read_report
from headwater.libav.remux.urls import without_secrets
from headwater.relay.end import EndKind
from headwater.sources.programs.program_source import ProgramSource, masked
from headwater.sources.settings import SourceSettings
from headwater.sources.source import SourcePlace

_FILE: Final = "file:"


class MediaSource(ProgramSource):
    """A URL that PyAV opens; its packets go on as they are.

    The process is the one of `headwater publish`: a demuxer that crashes ends that, and this
    server starts it anew.
    """

    def __init__(self, url: str, _settings: SourceSettings, place: SourcePlace) -> None:
        """Raises ValueError where PyAV is not installed."""
        super().__init__(place)
        if find_spec("av") is None:
            raise ValueError(
                "it needs PyAV: in the folder of Headwater's source, pip install '.[media]'"
            )
        self._input = url
        self._loop = False

    def _command(self, url: str, path: str) -> tuple[Sequence[str], bytes]:  # noqa: ARG002
        fields = {"source": self._input, "url": url, "transport": "tcp", "loop": self._loop}
        words = [sys.executable, *interpreter_options(), "-m", "headwater.libav.remux.sender"]
        return words, json.dumps(fields).encode() + b"\n"

    def _reason(self, lines: Sequence[str]) -> str:
        for line in reversed(lines):
            report = read_report(line)
            if isinstance(report, Ended):
                return without_secrets(report.failure, self._input) or "it ended"
        return ""

    def _said(self, lines: Sequence[str]) -> list[str]:
        """What is no report: a traceback, a library's last words."""
        told = [line for line in lines if read_report(line) is None and not line.startswith('{"')]
        return masked([without_secrets(line, self._input) for line in told], ())


class FileSource(MediaSource):
    """A file, played in real time, and again from its beginning when it ends."""

    kind = EndKind.FILE

    def __init__(self, url: str, settings: SourceSettings, place: SourcePlace) -> None:
        super().__init__(url, settings, place)
        self._input = file_path(url)
        self._loop = True


def file_path(url: str) -> str:
    """Return the path that `file:` names: as it is written, else with `%20` and the like read.

    `file:///films/a.mp4` is `/films/a.mp4`; a path that does not begin with a slash is relative to
    the folder that the server runs in.
    """
    path = url[len(_FILE) :].removeprefix("//")
    return path if Path(path).exists() else unquote(path)
