"""The log as it was, after tests that load fuzz targets."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def _log_given_back() -> Iterator[None]:
    """Targets take the package's log for their process; tests after them log as before."""
    logger = logging.getLogger("headwater")
    before = logger.level, logger.propagate, logger.handlers
    yield
    level, logger.propagate, logger.handlers = before
    logger.setLevel(level)
