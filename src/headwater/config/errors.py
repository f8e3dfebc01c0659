"""The faults of a configuration, in words with which its owner can mend it."""

from dataclasses import dataclass
from enum import Enum


class FaultKind(Enum):
    """What of the configuration is wrong, by what helps its owner."""

    FORM = "form"
    """The text is no TOML, or has a table where a value belongs: a good file shows the form."""
    NAME = "name"
    """There is no such section or key: the list of them shows what there is."""
    VALUE = "value"
    """The message says what is allowed."""


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """One thing wrong with the configuration.

    `source` is a file name, an environment variable or an option; `line` counts from 1 and is
    None where the source has no lines or the place is not known; `key` is dotted
    (`server.publish_port`) or empty when the fault is the whole source's; `allowed` says what
    would be accepted.
    """

    source: str
    message: str
    key: str = ""
    line: int | None = None
    allowed: str = ""
    kind: FaultKind = FaultKind.VALUE

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        parts = [place, self.key, self.message] if self.key else [place, self.message]
        text = ": ".join(parts)
        return f"{text} ({self.allowed})" if self.allowed else text


class ConfigError(ValueError):
    """The configuration was refused; `faults` lists everything found wrong, in order."""

    def __init__(self, faults: tuple[ConfigFault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults
