"""Running servers for tests of `headwater relay`."""

from server_rig import clock, server, start_server

__all__ = ["clock", "server", "start_server"]
