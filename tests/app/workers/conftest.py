"""The clock of the test's loop, which tests put forward, a folder for sockets, and fleets."""

from fleet_rig import rig
from server_rig import clock
from short_folder import short_folder

__all__ = ["clock", "rig", "short_folder"]
