"""What the sending process tells the watching one: a line of JSON each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far the sending has come, since it began."""

    media_s: float = 0.0
    packets: int = 0
    size_bytes: int = 0
    rounds: int = 0
    length_s: float | None = None
    tracks: tuple[str, ...] = ()
    step: str = ""
    """What it is about to do, in words for when it never comes back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """The last report: all was sent, or `failure` says why not."""

    failure: str = ""
    remedy: str = ""


Report = Progress | Ended
_KINDS: Final[dict[str, type[Progress | Ended]]] = {"progress": Progress, "ended": Ended}


def report_line(report: Report) -> str:
    """Return the line that says it."""
    kind = "ended" if isinstance(report, Ended) else "progress"
    return json.dumps({"kind": kind, **asdict(report)}) + "\n"


def read_report(line: str) -> Report | None:
    """Return the report of a line; None for anything else that the process may have printed."""
    try:
        fields: dict[str, Any] = json.loads(line)
        if "tracks" in fields:
            fields["tracks"] = tuple(fields["tracks"])
        return _KINDS[fields.pop("kind")](**fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
