"""Running servers for tests of the RTSP side."""

from server_rig import certificate, clock, server, start_server, two_port_server

__all__ = ["certificate", "clock", "server", "start_server", "two_port_server"]
