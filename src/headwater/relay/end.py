"""A publisher or reader of a mount, however it came: what hooks, limits, logs and status name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from headwater.access.decision import Granted
from headwater.protocol.session_states import SessionState
from headwater.side import Side

if TYPE_CHECKING:
    from headwater.hooks import HookRequest
    from headwater.media.mount import Mount
    from headwater.media.snapshot import ReaderSnapshot


class EndKind(StrEnum):
    """How a publisher or reader came to its mount."""

    RTSP = "rtsp"
    """By an RTSP session with this server."""
    WEBRTC = "webrtc"
    """By a browser's peer connection."""
    MSE = "mse"
    """By a page that plays fragments of MP4 from a WebSocket."""
    HLS = "hls"
    """By a player that fetches playlists and segments."""
    CAMERA = "camera"
    """This server fetches from it, or pushes to it."""
    FILE = "file"
    """A recording that is played or written."""
    NODE = "node"
    """Another server of the same cluster."""
    PYTHON = "python"
    """The program that this server runs in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndIdentity:
    """Who a publisher or reader is.

    Attributes:
        id: what logs, status and `close_session` call it.
        kind: how it came.
        side: whether it publishes or plays.
        path: the path of its mount.
        peer: its address as text, "" where there is none.
        peer_ip: the same without the port.
        address_block: what counts as one address with the limits, "" where it is not counted.
        username: the user's name; None where nobody logged in.
        user_agent: what it calls itself, "" when unknown.
        secure: whether what it says is encrypted.
    """

    id: str
    kind: EndKind
    side: Side
    path: str
    peer: str = ""
    peer_ip: str = ""
    address_block: str = ""
    username: str | None = None
    user_agent: str = ""
    secure: bool = False


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """What a session is at one moment; safe to keep and to use from any thread.

    A session is one peer's publishing or playing of one mount, of whatever `kind`. `opened_s` and
    `last_seen_s` are seconds of the server's monotonic clock.
    """

    id: str
    role: Side
    path: str
    state: SessionState
    transport: str | None
    peer: str
    user_agent: str
    username: str | None
    tracks: tuple[int, ...]
    opened_s: float
    last_seen_s: float
    kind: EndKind = EndKind.RTSP


@dataclass(slots=True)
class Grant:
    """A right that ends.

    Attributes:
        granted: when the owner is asked again, and when it ends for good.
        request: what the owner is asked again.
        authorization: the credentials that were shown.
        asking: whether the owner is being asked.
    """

    granted: Granted
    request: HookRequest
    authorization: str | None = field(default=None, repr=False)
    asking: bool = False

    @classmethod
    def of(cls, granted: Granted, request: HookRequest, authorization: str | None) -> Grant | None:
        """Return the grant of a right; None where it has no end."""
        if granted.until_s is None and granted.expires_s is None:
            return None
        return cls(granted, request, authorization)

    def is_over(self, now: float) -> bool:
        """Return whether it has ended, or the owner is to be asked again."""
        until_s = self.granted.until_s
        return (until_s is not None and now >= until_s) or self.has_expired(now)

    def has_expired(self, now: float) -> bool:
        """Return whether it has ended for good."""
        expires_s = self.granted.expires_s
        return expires_s is not None and now >= expires_s

    def anew(self) -> Grant:
        """Return the same right for another who has it."""
        return Grant(self.granted, self.request, self.authorization)


class End(ABC):
    """One publisher or reader; the relay opens it, and is the only one to close it.

    Attributes:
        leaves_by_itself: whether a server that drains waits for it.
        via: names of the servers that its media has come through, where it said so.
        mount: the mount that it fills or reads; None while it does neither.
        grant: the right that it is here by, where that right ends; None where it does not.
        closed: whether the relay has closed it.
    """

    leaves_by_itself: ClassVar[bool] = True
    via: tuple[str, ...] = ()

    def __init__(self, identity: EndIdentity, now: float) -> None:
        self.id = identity.id
        self.kind = identity.kind
        self.side = identity.side
        self.path = identity.path
        self.peer = identity.peer
        self.peer_ip = identity.peer_ip
        self.address_block = identity.address_block
        self.username = identity.username
        self.user_agent = identity.user_agent
        self.secure = identity.secure
        self.opened_s = now
        self.last_seen_s = now
        self.mount: Mount | None = None
        self.grant: Grant | None = None
        self.closed = False

    @property
    @abstractmethod
    def state(self) -> SessionState:
        """Whether it is set up, plays or records."""

    @property
    @abstractmethod
    def transport(self) -> str | None:
        """How its packets come or go; None while that is open."""

    @property
    @abstractmethod
    def tracks(self) -> Sequence[int]:
        """Indexes of the tracks that are set up."""

    def reader_snapshot(self) -> ReaderSnapshot | None:
        """Return what it was sent and missed; None where it has no place of its own on a mount."""
        return None

    @abstractmethod
    def leave_mount(self, cause: str) -> None:
        """Stop filling or reading the mount; without a mount this does nothing."""

    @abstractmethod
    def release(self) -> None:
        """Give back every port, channel and socket that its media took."""

    @abstractmethod
    def let_go(self, *, by_server: bool) -> None:
        """Forget what carried it; the last that the relay asks of it.

        `by_server`: the peer did not ask for the end, so it must be told where that can be done.
        """

    def snapshot(self) -> SessionSnapshot:
        """Return the session as it is now."""
        return SessionSnapshot(
            id=self.id,
            role=self.side,
            path=self.path,
            state=self.state,
            transport=self.transport,
            peer=self.peer,
            user_agent=self.user_agent,
            username=self.username,
            tracks=tuple(self.tracks),
            opened_s=self.opened_s,
            last_seen_s=self.last_seen_s,
            kind=self.kind,
        )
