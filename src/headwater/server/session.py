"""An RTSP session (RFC 2326 §12.37): one peer's publishing or playing of one mount."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.protocol.session_states import SessionState
from headwater.server.role import Role
from headwater.transports.settings import TransportKind

if TYPE_CHECKING:
    from headwater.media.mount import Mount
    from headwater.protocol.sdp import SessionDescription
    from headwater.server.connection import Connection
    from headwater.transports.session_publisher import SessionPublisher
    from headwater.transports.session_reader import SessionReader


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """What a session is at one moment; safe to keep and to use from any thread.

    `opened_s` and `last_seen_s` are seconds of the server's monotonic clock.
    """

    id: str
    role: Role
    path: str
    state: SessionState
    transport: TransportKind | None
    peer: str
    user_agent: str
    username: str | None
    tracks: tuple[int, ...]
    opened_s: float
    last_seen_s: float


class Session:
    """One session; the session table owns it and is the only one to end it."""

    def __init__(
        self, session_id: str, role: Role, path: str, connection: Connection, now: float
    ) -> None:
        self.id = session_id
        self.role = role
        self.path = path
        self.query = ""
        self.track_urls: dict[int, str] = {}
        """By which URL each track was set up; it may hold a secret and is for RTP-Info only."""
        self.made_up_id: str | None = None
        """The id that its publisher had chosen before there was a session."""
        self.state = SessionState.INIT
        self.connection: Connection | None = connection
        self.peer = connection.peer
        self.peer_ip = connection.peer_ip
        self.address_block = connection.address_block
        self.username = connection.username
        self.user_agent = connection.user_agent
        self.secure = connection.secure
        self.opened_s = now
        self.last_seen_s = now
        self.excused_s = 0.0
        """Seconds since then in which no sign of life was to be expected."""
        self.began = False
        """Whether it ever recorded or played."""
        self.orphaned_s: float | None = None
        self.closed = False
        self.mount: Mount | None = None
        self.presentation: SessionDescription | None = None
        self.transport: TransportKind | None = None
        self.publisher: SessionPublisher | None = None
        self.reader: SessionReader | None = None
        self.sent_bytes_seen = 0

    @property
    def tracks(self) -> tuple[int, ...]:
        """Indexes of the tracks that are set up."""
        media = self.publisher if self.role is Role.PUBLISH else self.reader
        return () if media is None else tuple(media.track_indexes)

    def touch(self, now: float) -> None:
        """Note a sign of life."""
        self.last_seen_s = now
        self.excused_s = 0.0

    def is_orphaned(self) -> bool:
        """Whether its connection is gone."""
        return self.orphaned_s is not None

    def snapshot(self) -> SessionSnapshot:
        """The session as it is now."""
        return SessionSnapshot(
            id=self.id,
            role=self.role,
            path=self.path,
            state=self.state,
            transport=self.transport,
            peer=self.peer,
            user_agent=self.user_agent,
            username=self.username,
            tracks=self.tracks,
            opened_s=self.opened_s,
            last_seen_s=self.last_seen_s,
        )
