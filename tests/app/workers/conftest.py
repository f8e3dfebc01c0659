"""The clock of the test's loop, which tests of deadlines put forward, and a folder for sockets."""

from server_rig import clock
from short_folder import short_folder

__all__ = ["clock", "short_folder"]
