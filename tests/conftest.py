"""What holds for every test."""

from __future__ import annotations

import pytest

from headwater.log_pace import PACE


@pytest.fixture(autouse=True)
def fresh_log_pace() -> None:
    """Begin each test as if nothing had been logged: lines are held to a pace by the process."""
    PACE.forget()
