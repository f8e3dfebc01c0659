"""A UDP port of its own for each test: devices of tests beside it do not hear its Probes."""

from __future__ import annotations

import own_ports
import pytest


@pytest.fixture
def free_port() -> int:
    return own_ports.free_port()
