"""When a process that serves collects unreachable objects: in calm moments, not amid a crowd.

A full collection looks at every object of every peer: 10 ms with 1,000 readers, for which all live
packets wait. Python makes one after some 70,000 new objects, which is when a crowd has just come.
Nearly all that peers leave is freed at once without; for the rest `MemoryReturn` collects once few
come and go.
"""

from __future__ import annotations

import gc
from typing import Final

_FULL_AFTER: Final = 50
"""Collections of the middle generation before a full one, instead of 10: what a crowd of four
thousand brings stays below, and should moments never be calm, what is left cannot grow on."""


def collect_in_calm_moments() -> None:
    """Set aside what was loaded to start with, and make full collections rare; called once."""
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _FULL_AFTER)
