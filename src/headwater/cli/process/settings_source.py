"""Where a running server's settings come from, and what was read there again."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.config.settings import Settings


@dataclass(frozen=True, slots=True)
class SettingsSource:
    """Where a server's settings come from, to be read again; the environment comes with it.

    Attributes:
        file: the configuration file; empty if there is none.
        chosen: what the command line set: by which option, the dotted key, and the text.
    """

    file: str = ""
    chosen: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read of a source: settings, and advice about them; or what is wrong."""

    settings: Settings | None = None
    advice: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
