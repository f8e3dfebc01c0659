"""Work counted in lines of Python: the same on a slow machine as on a fast one."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Self


class PythonLines:
    """Counts the lines of Python that run in a `with` block, in this thread."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, _frame: FrameType, event: str, _argument: Any) -> Any:
        self.count += event == "line"
        return self._trace
