"""A quirk: one thing that a real device does wrong, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.testing.fake_camera.fault import Fault


@dataclass(frozen=True)
class Quirk:
    """What a device does, made of faults and of settings of the fake camera."""

    name: str
    device: str
    """The maker, the model, or the public report where it was seen."""
    does: str
    faults: tuple[Fault, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
