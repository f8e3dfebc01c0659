"""The one table of hook points: name, payload, whether it may refuse, and on which side it runs."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.side import Side

BOTH_SIDES = (Side.PUBLISH, Side.PLAY)


@dataclass(frozen=True, slots=True)
class HookPoint:
    """One place where the owner's code is called.

    Attributes:
        name: what the hook is registered as.
        payload: names of the arguments that it is given, in order.
        answers: what it must return; empty for a notification, whose return value is ignored.
        sides: the sides that call it.
        tells_an_end: tells the end of something; when notifications are dropped, these go last.
        doc: when it is called, in one sentence.
    """

    name: str
    payload: tuple[str, ...]
    answers: str
    sides: tuple[Side, ...]
    tells_an_end: bool
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
        tells_an_end=False,
        doc="Is this user known, and is the password right? It is called for the first request of "
        "a connection on a path (ANNOUNCE, DESCRIBE or SETUP). If the client sent no user and "
        "password (Basic), both are empty strings. If it returns False, the client gets 401.",
    ),
    HookPoint(
        "check_mount",
        ("request",),
        "bool, a status from 300 to 599, or a redirect",
        BOTH_SIDES,
        tells_an_end=False,
        doc="May this client publish or read this path? It is called after `authentication`, and "
        "as often. If it returns False, the client gets 403.",
    ),
    HookPoint(
        "on_mount_missing",
        ("path", "query", "request"),
        "None, the URL of a source, or `SourceSettings`",
        (Side.PLAY,),
        tells_an_end=False,
        doc="Which source has this path, which nobody publishes and no setting names? It is called "
        "for a reader's DESCRIBE, once for all who ask together; the answer counts for a second. "
        "If it returns None, the client gets 404.",
    ),
    HookPoint(
        "session_opened",
        ("session",),
        "",
        BOTH_SIDES,
        tells_an_end=False,
        doc="An RTSP session was opened, by ANNOUNCE or by a reader's first SETUP.",
    ),
    HookPoint(
        "session_closed",
        ("session",),
        "",
        BOTH_SIDES,
        tells_an_end=True,
        doc="An RTSP session has ended, for whatever reason.",
    ),
    HookPoint(
        "mount_opened",
        ("mount",),
        "",
        BOTH_SIDES,
        tells_an_end=False,
        doc="A mount was opened.",
    ),
    HookPoint(
        "mount_closed",
        ("mount",),
        "",
        BOTH_SIDES,
        tells_an_end=True,
        doc="A mount was closed.",
    ),
    HookPoint(
        "mount_now_empty",
        ("mount",),
        "",
        BOTH_SIDES,
        tells_an_end=True,
        doc="The last reader of a mount left.",
    ),
    HookPoint(
        "publisher_started",
        ("mount", "session"),
        "",
        (Side.PUBLISH,),
        tells_an_end=False,
        doc="The server granted a publisher's RECORD.",
    ),
    HookPoint(
        "publisher_stopped",
        ("mount", "session"),
        "",
        (Side.PUBLISH,),
        tells_an_end=True,
        doc="A publisher has stopped sending to its mount.",
    ),
    HookPoint(
        "source_changed",
        ("source",),
        "",
        (Side.PUBLISH,),
        tells_an_end=False,
        doc="Another source of a path is live, or none any more: `source.live` is its URL.",
    ),
    HookPoint(
        "reader_started",
        ("mount", "session"),
        "",
        (Side.PLAY,),
        tells_an_end=False,
        doc="The server granted a reader's PLAY.",
    ),
    HookPoint(
        "reader_stopped",
        ("mount", "session"),
        "",
        (Side.PLAY,),
        tells_an_end=True,
        doc="A reader that had started has gone, for whatever reason. A PAUSE does not count.",
    ),
    HookPoint(
        "client_close",
        ("mount", "session"),
        "",
        (Side.PLAY,),
        tells_an_end=True,
        doc="A reader's session has ended, whether it had started to play or not. Tidy up here.",
    ),
)

HOOK_BY_NAME: dict[str, HookPoint] = {point.name: point for point in HOOKS}
