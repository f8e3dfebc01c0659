"""Running servers for tests of probes."""

from server_rig import certificate, clock, server, start_server

__all__ = ["certificate", "clock", "server", "start_server"]
