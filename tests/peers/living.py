"""What Python still holds: for tests that nothing is left of what is over."""

from __future__ import annotations

import gc


def living(kind: type) -> list[object]:
    """The objects of a class, after the garbage collector has looked."""
    gc.collect()
    return [one for one in gc.get_objects() if type(one) is kind]
