"""A folder in which a socket's path stays below the 108 bytes that it may have (unix(7))."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder of the test's own with a short path: pytest's have the test's name in it."""
    with tempfile.TemporaryDirectory(prefix="headwater-test-") as name:
        yield Path(name)
