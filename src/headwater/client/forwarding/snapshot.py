"""Forwards to look at: plain values, safe to keep, to send and to use from any thread."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ForwardState(StrEnum):
    """What a forward is doing."""

    CONNECTING = "connecting"
    """It asks the other server to record."""
    SENDING = "sending"
    """The other server records."""
    WAITING = "waiting"
    """It tries again at `next_try_s`; `error` says why."""


@dataclass(frozen=True, slots=True)
class ForwardSnapshot:
    """A mount that is sent to another server, as it was at one moment.

    Attributes:
        path: the path of the mount.
        url: where it goes, without user name and password.
        state: what it is doing, since `since_s` of the server's monotonic clock.
        since_s: see `state`.
        next_try_s: when it tries again, on the same clock; 0.0 unless it is waiting.
        transport: how media goes, such as `tcp`; "" while it does not.
        session: the id of its session on this server; "" while it has none.
        tries: how often it has asked the other server to record.
        error: what went wrong last, in words; "" where nothing has.
        sent_packets: RTP packets that were sent, in all its tries.
        sent_bytes: the same in bytes.
        dropped_packets: RTP packets that the other server missed because it took too little.
        dropped_bytes: the same in bytes.
    """

    path: str
    url: str
    state: ForwardState
    since_s: float
    next_try_s: float
    transport: str
    session: str
    tries: int
    error: str
    sent_packets: int
    sent_bytes: int
    dropped_packets: int
    dropped_bytes: int
