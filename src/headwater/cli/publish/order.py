"""What `headwater publish` was asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishOrder:
    """One source, one URL to publish to, and how."""

    source: str
    url: str
    transport: str
    loop: bool
    quiet: bool = False
    give_up_after_s: float = 0.0
    """How long a source or server may be gone before the publishing ends; 0: for ever."""
