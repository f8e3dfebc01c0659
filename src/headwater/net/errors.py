"""Errors that are told to a person who started something."""


class HostUnknownError(OSError):
    """The host is a name that stands for no address of this machine; the message names it."""


class SettingPortError(OSError):
    """A port beside those of RTSP cannot be bound; the message names it and its setting.

    Attributes:
        setting: the key of the port in the configuration.
        port: its number.
    """

    def __init__(self, error: OSError, message: str, *, setting: str, port: int) -> None:
        """`error` is what the system says, behind `message`."""
        super().__init__(error.errno, f"{message} ({setting}): {error.strerror or error}")
        self.setting = setting
        self.port = port
