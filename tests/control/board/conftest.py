"""Statuses for the board."""

from board_rig import make_mount, make_status

__all__ = ["make_mount", "make_status"]
