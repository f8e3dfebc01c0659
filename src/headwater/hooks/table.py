"""The one table of hook points: name, payload, whether it may refuse, and on which side it runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """The side of the server that a hook belongs to."""

    PUBLISH = "publish"
    PLAY = "play"


BOTH_SIDES = (Side.PUBLISH, Side.PLAY)


@dataclass(frozen=True, slots=True)
class HookPoint:
    """One place where the owner's code is called.

    Attributes:
        name: what the hook is registered as.
        payload: names of the arguments that it is given, in order.
        answers: what it must return; empty for a notification, whose return value is ignored.
        sides: the sides that call it.
        ends: tells the end of something; when notifications are dropped, these go last.
        doc: when it is called, in one sentence.
    """

    name: str
    payload: tuple[str, ...]
    answers: str
    sides: tuple[Side, ...]
    ends: bool
    doc: str

    @property
    def may_refuse(self) -> bool:
        """Whether the hook's answer decides about a request."""
        return bool(self.answers)


HOOKS: tuple[HookPoint, ...] = (
    HookPoint(
        "authentication",
        ("username", "password", "request"),
        "bool",
        BOTH_SIDES,
        ends=False,
        doc="Who asks? Called for the first request of a connection on a path (ANNOUNCE, DESCRIBE "
        "or SETUP), with two empty strings when no Basic credentials came. False is answered 401.",
    ),
    HookPoint(
        "check_mount",
        ("request",),
        "bool, a status from 300 to 599, or a redirect",
        BOTH_SIDES,
        ends=False,
        doc="May this be published or read here? Called behind `authentication`, as often. False "
        "is answered 403.",
    ),
    HookPoint(
        "session_opened",
        ("session",),
        "",
        BOTH_SIDES,
        ends=False,
        doc="An RTSP session was made, by ANNOUNCE or a reader's first SETUP.",
    ),
    HookPoint(
        "session_closed",
        ("session",),
        "",
        BOTH_SIDES,
        ends=True,
        doc="An RTSP session is gone, whatever ended it.",
    ),
    HookPoint(
        "mount_opened",
        ("mount",),
        "",
        BOTH_SIDES,
        ends=False,
        doc="A mount appeared in the table of mounts.",
    ),
    HookPoint(
        "mount_closed",
        ("mount",),
        "",
        BOTH_SIDES,
        ends=True,
        doc="A mount left the table of mounts.",
    ),
    HookPoint(
        "mount_now_empty",
        ("mount",),
        "",
        BOTH_SIDES,
        ends=True,
        doc="The last reader of a mount left.",
    ),
    HookPoint(
        "publisher_started",
        ("mount", "session"),
        "",
        (Side.PUBLISH,),
        ends=False,
        doc="A publisher's RECORD was granted.",
    ),
    HookPoint(
        "publisher_stopped",
        ("mount", "session"),
        "",
        (Side.PUBLISH,),
        ends=True,
        doc="A publisher no longer fills its mount.",
    ),
    HookPoint(
        "reader_started",
        ("mount", "session"),
        "",
        (Side.PLAY,),
        ends=False,
        doc="A reader's PLAY was granted.",
    ),
    HookPoint(
        "reader_stopped",
        ("mount", "session"),
        "",
        (Side.PLAY,),
        ends=True,
        doc="A reader that had started is gone, whatever ended it; a PAUSE does not.",
    ),
    HookPoint(
        "client_close",
        ("mount", "session"),
        "",
        (Side.PLAY,),
        ends=True,
        doc="A reader's session ended, started or not: the place to tidy up after it.",
    ),
)

HOOK_BY_NAME: dict[str, HookPoint] = {point.name: point for point in HOOKS}
