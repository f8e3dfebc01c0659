"""Servers that ask the owner's web server, with and without a port for browsers."""

from server_rig import clock, server, start_server
from web_rig import start_web, web

__all__ = ["clock", "server", "start_server", "start_web", "web"]
