"""What frames need beside the standard library: said in one place where it is not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def media_extra() -> Iterator[None]:
    """Import what needs PyAV and numpy. Raises ImportError, with what to do."""
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"frames need the package {error.name}: in the folder of Headwater's source, "
            "pip install '.[media]'",
            name=error.name,
        ) from error
