"""Why a publisher or reader is not let in, whatever protocol it speaks."""

from __future__ import annotations


class LimitReached(Exception):  # noqa: N818 - named after what happened
    """One more would be over a limit; `setting` is what would have to be raised.

    `logged`: whoever raised it has counted and logged it.
    """

    def __init__(self, setting: str, message: str, *, logged: bool = False) -> None:
        super().__init__(message)
        self.setting = setting
        self.logged = logged


class ServerStopping(Exception):  # noqa: N818 - named after what happens
    """The server was told to stop: who is here may stay a while, nobody comes."""

    def __init__(self) -> None:
        super().__init__("the server is stopping")


class NotHere(Exception):  # noqa: N818 - named after what is so
    """Another node asks for a mount that this one has not, or not by that claim any more."""

    def __init__(self, path: str) -> None:
        super().__init__(f"this node does not have {path} by the claim that was named")


class Elsewhere(Exception):  # noqa: N818 - named after what is so
    """Another server has the mount, and the client is to go there.

    Attributes:
        url: where.
    """

    def __init__(self, path: str, url: str) -> None:
        super().__init__(f"{path} is on another server")
        self.url = url


class SourceDown(Exception):  # noqa: N818 - named after what happened
    """What fills the path by itself cannot be reached now."""

    def __init__(self, path: str) -> None:
        super().__init__(f"the source of {path} is down")


class SourceTooSlow(Exception):  # noqa: N818 - named after what happened
    """What fills the path by itself has not begun in time."""

    def __init__(self, path: str) -> None:
        super().__init__(f"the source of {path} did not start in time")
