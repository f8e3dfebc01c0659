"""Errors that are told to a person who started something."""


class HostUnknownError(OSError):
    """The host is a name that stands for no address of this machine; the message names it."""
