"""What a feed gives: an access unit, and what belongs to it."""

from __future__ import annotations

from typing import NamedTuple

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.configs import TrackConfig


class FedUnit(NamedTuple):
    """One access unit of a mount."""

    track: int
    """The index of its track."""
    unit: AccessUnit
    config: TrackConfig | None
    """What its decoder is set up with, another object after each change; None where neither the
    description nor the stream have told."""
    arrived_s: float
    """When its last packet came, seconds of the mount's clock."""
