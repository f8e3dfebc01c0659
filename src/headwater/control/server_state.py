"""The life of a server, in a module of its own: commands compare it and need no more."""

from __future__ import annotations

from enum import StrEnum


class ServerState(StrEnum):
    """The life of a server: binding its ports, serving, telling everybody to go."""

    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"
