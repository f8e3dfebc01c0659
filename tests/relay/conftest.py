"""Running servers for tests of what every way in and out shares."""

from server_rig import clock, server, start_server

__all__ = ["clock", "server", "start_server"]
