"""Servers with a port for browsers."""

from server_rig import certificate, clock, start_server
from web_rig import start_web, web

__all__ = ["certificate", "clock", "start_server", "start_web", "web"]
