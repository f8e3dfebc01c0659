"""The table of kinds: which class opens the URLs of a scheme."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from headwater.sources.programs.command import CommandSource
from headwater.sources.programs.media import FileSource, MediaSource
from headwater.sources.rtsp import RtspSource
from headwater.sources.schemes import MEDIA_SCHEMES
from headwater.sources.settings import SourceSettings
from headwater.sources.source import Source, SourcePlace

SourceKind = Callable[[str, SourceSettings, SourcePlace], Source]
"""Makes a source of its URL, with secrets and captures put in. Raises ValueError for a URL that
cannot be; its words must hold no secret."""

KINDS: Final[Mapping[str, SourceKind]] = {
    **dict.fromkeys(MEDIA_SCHEMES, MediaSource),
    "rtsp": RtspSource,
    "rtsps": RtspSource,
    "file": FileSource,
    "command": CommandSource,
}
"""By the schemes of `schemes.SCHEMES`."""
