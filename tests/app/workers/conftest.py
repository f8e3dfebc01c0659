"""The clock of the test's loop, which tests of deadlines put forward."""

from server_rig import clock

__all__ = ["clock"]
