"""Running servers and a film for tests of sources that are processes."""

from film import clip
from server_rig import certificate, clock, server, start_server

__all__ = ["certificate", "clip", "clock", "server", "start_server"]
