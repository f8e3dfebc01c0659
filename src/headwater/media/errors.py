"""Why a mount does not take a publisher or a reader."""

from __future__ import annotations


class MountBusy(Exception):  # noqa: N818 a refusal, no fault
    """The mount has a publisher and its settings say to keep it: 503 to the second one."""


class MountFull(Exception):  # noqa: N818 a refusal, no fault
    """The mount has as many readers as its settings allow: 453 to the next one."""


class MountClosed(Exception):  # noqa: N818 a refusal, no fault
    """The mount is closed: nobody may join it any more."""
