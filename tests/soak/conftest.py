"""Running servers and cameras for tests of sources."""

from server_rig import certificate, clock, server, start_server

__all__ = ["certificate", "clock", "server", "start_server"]
