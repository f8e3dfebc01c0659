"""Servers with a port for browsers, whose mounts close with their publishers."""

from __future__ import annotations

import pytest
from server_rig import certificate, clock, start_server
from web_rig import WebFactory, WebServer, start_web

from headwater import MountSettings

__all__ = ["certificate", "clock", "start_server", "start_web", "web"]


@pytest.fixture
async def web(start_web: WebFactory) -> WebServer:
    """A server whose mounts have no grace."""
    return await start_web(settings={"mounts": MountSettings(grace_s=0)})
