"""Why the sending ended, said truly: which side, and what it did."""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_REFUSED: Final = re.compile(r"method (\w+) failed: (\d{3}) ?\(?([^)\n]*)\)?")
_STATUS_WORDS: Final = {
    401: "it wants a user and a password, or the user or password in the URL is wrong",
    403: "the user has no right to this path, or a hook of the server refused",
    404: "there is nothing at this path",
    405: "this port does not allow it; the server may have another port for it",
    453: "it has no free port, or a limit is reached",
    454: "it no longer knows the session",
    461: "it does not take this transport; try --transport tcp or udp",
}
_PUBLISHING_WORDS: Final = {
    404: "it lets nobody publish at this path",
    503: "the path has a publisher already, or a limit of the server is reached",
}
_GONE: Final = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ECONNABORTED, errno.ENOTCONN})
_SILENT: Final = frozenset({errno.ETIMEDOUT, errno.EAGAIN})


class SendingFailed(Exception):  # noqa: N818 (named for what happened)
    """The sending cannot go on; the message says which side failed and how."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error of libav, in the few terms that reasons are made of."""

    number: int
    text: str
    logs: Sequence[str] = ()


def reason(complaint: Complaint, *, publishing: bool) -> str:
    """Return libav's complaint as text; an RTSP refusal with its status, which libav only logs."""
    for line in reversed(complaint.logs):
        if refused := _REFUSED.search(line):
            status = int(refused[2])
            words = (_PUBLISHING_WORDS if publishing else {}).get(status)
            words = words or _STATUS_WORDS.get(status, "its log says why")
            return f"it answered {refused[1]} with {status} {refused[3]}: {words}"
    if complaint.number == errno.EIO:
        # "Input/output error" stands for a name that is not known, which is logged alone.
        for line in reversed(complaint.logs):
            if "resolve hostname" in line:
                return line.strip()
    if publishing and complaint.text.startswith("Invalid data"):
        return "it closed the connection, or its answer was not RTSP"
    return complaint.text


def reason_for_the_end(complaint: Complaint, *, silence_s: float) -> str:
    """Return how a server ended a session that went well until now."""
    if complaint.number in _GONE:
        return "the server ended the session"
    if complaint.number in _SILENT:
        return f"the server took nothing for {silence_s:.0f} s"
    return f"sending failed: {complaint.text}"
