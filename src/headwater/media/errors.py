"""Why a mount does not take a publisher or a reader."""

from __future__ import annotations


class MountBusy(Exception):
    """The mount has a publisher and the setting says to keep it: 503 to the second one.

    Attributes:
        path: the mount.
    """

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} has a publisher already")
        self.path = path


class MountFull(Exception):
    """The mount has as many readers as its settings allow: 453 to the next one.

    Attributes:
        path: the mount.
        limit: how many readers it may have.
    """

    def __init__(self, path: str, limit: int) -> None:
        super().__init__(f"{path} has {limit} readers, the most it may have")
        self.path = path
        self.limit = limit


class MountClosed(Exception):
    """The mount is closed: nobody may join it any more.

    Attributes:
        path: the mount.
    """

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is closed")
        self.path = path
