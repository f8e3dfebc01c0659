"""When a process that serves collects unreachable objects: in calm moments, not amid a crowd.

A full collection looks at every object of every peer: 10 ms with 1,000 readers, for which all live
packets wait. Python makes one after some 70,000 new objects, which is when a crowd has just come.
Nearly all that peers leave is freed at once without; for the rest `MemoryReturn` collects once few
come and go.
"""

from __future__ import annotations

import gc
import sys
from typing import Final

_YOUNG_OBJECTS: Final = 3_000
"""New objects before the young ones are looked through, instead of 700: so many come with some
fifty readers, and what peers come and go with is freed by itself before that."""
_MIDDLE_AFTER: Final = 4
"""Such looks before one through all young ones since the last, instead of 10: 1 ms at most."""
_FULL_AFTER: Final = 30
"""Collections of the middle generation before a full one, instead of 10: what a crowd of four
thousand brings stays below, and should moments never be calm, what is left cannot grow on."""


def collect_in_calm_moments() -> None:
    """Set aside what was loaded to start with, and make full collections rare; called once."""
    gc.collect()
    gc.freeze()
    if sys.version_info < (3, 14):  # which collects all generations little by little
        gc.set_threshold(_YOUNG_OBJECTS, _MIDDLE_AFTER, _FULL_AFTER)
