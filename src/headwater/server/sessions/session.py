"""RTSP sessions (RFC 2326 §12.37): a peer that publishes a mount, or one that plays it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from headwater.net.stream import ByteStream
from headwater.protocol.method import Method
from headwater.protocol.sdp_relay import reader_controls
from headwater.protocol.session_states import SessionState, next_state
from headwater.relay.end import End, EndIdentity
from headwater.transports.settings import TransportKind

if TYPE_CHECKING:
    from headwater.media.mount import Mount
    from headwater.media.readers.start_plan import StartPlan
    from headwater.media.snapshot import ReaderSnapshot
    from headwater.protocol.sdp import SessionDescription
    from headwater.transports.session_publisher import SessionPublisher
    from headwater.transports.session_reader import SessionReader

_BEGUN = frozenset({SessionState.PLAYING, SessionState.RECORDING})


class SessionConnection(Protocol):
    """The connection that a session's requests come on, as the session sees it."""

    sessions: dict[str, Session]

    @property
    def stream(self) -> ByteStream:
        """Its bytes."""

    def close(self) -> None:
        """Close once what waits has left."""


class Session(End):
    """What a publisher's and a reader's session have in common.

    Attributes:
        connection: where its requests come from; None once that is gone.
        transport: how its media travels; None before the first SETUP.
        began: whether it ever recorded or played.
        excused_s: seconds since the last sign of life in which none was to be expected.
        orphaned_s: since when its connection is gone while its media goes on; None otherwise.
        sent_bytes_seen: bytes that its connection had sent at the last look.
        timeout_s: how long it may be silent; its table sets this once, when it opens it.
        advertised_timeout_s: what its peer is told of that.
    """

    transport: TransportKind | None = None
    timeout_s = 0.0
    advertised_timeout_s = 0

    def __init__(self, identity: EndIdentity, connection: SessionConnection, now: float) -> None:
        super().__init__(identity, now)
        self._state = SessionState.INIT
        self.connection: SessionConnection | None = connection
        self.began = False
        self.excused_s = 0.0
        self.orphaned_s: float | None = None
        self.sent_bytes_seen = 0

    @property
    def state(self) -> SessionState:
        """Its state by RFC 2326 A.2."""
        return self._state

    def state_after(self, method: Method) -> SessionState:
        """Return the state that a method leads to. Raises StateError, 455, if it is not allowed."""
        return next_state(self._state, method, self.side)

    def advance(self, method: Method) -> None:
        """Note that a method was carried out on the whole session."""
        self._state = next_state(self._state, method, self.side)
        if self._state in _BEGUN:
            self.began = True

    @property
    @abstractmethod
    def controls(self) -> Sequence[str]:
        """The controls of its mount's tracks, as its peer knows them."""

    def touch(self, now: float) -> None:
        """Note a sign of life."""
        self.last_seen_s = now
        self.excused_s = 0.0

    def is_orphaned(self) -> bool:
        """Return whether its connection is gone."""
        return self.orphaned_s is not None

    @abstractmethod
    def pause(self) -> None:
        """Stop the media; the transports stay."""

    def release(self) -> None:
        """Give back what its media took; it is at its beginning again."""
        self._state = SessionState.INIT
        self._release_media()

    @abstractmethod
    def _release_media(self) -> None:
        """Give back every port and channel."""

    def let_go(self, *, by_server: bool) -> None:
        """Leave the connection; it is closed as well where the server ended its last session."""
        connection = self.connection
        if connection is not None:
            connection.sessions.pop(self.id, None)
            if by_server and not connection.sessions:
                connection.close()


class PublisherSession(Session):
    """A session that ANNOUNCE opened.

    Attributes:
        presentation: what it announced last.
        publisher: who fills the mount; None before the first SETUP.
        made_up_id: the id that its peer had chosen before there was a session; None for most.
    """

    def __init__(
        self,
        identity: EndIdentity,
        connection: SessionConnection,
        now: float,
        *,
        presentation: SessionDescription,
        made_up_id: str | None,
    ) -> None:
        super().__init__(identity, connection, now)
        self.presentation = presentation
        self.publisher: SessionPublisher | None = None
        self.made_up_id = made_up_id

    @property
    def tracks(self) -> Sequence[int]:
        """Indexes of the tracks that are set up."""
        return () if self.publisher is None else self.publisher.track_indexes

    @property
    def controls(self) -> Sequence[str]:
        """Those of its own description."""
        return [media.control or "" for media in self.presentation.media]

    def pause(self) -> None:
        """Take the publisher off its mount, which waits out its grace."""
        self.leave_mount("publisher paused")

    def leave_mount(self, cause: str) -> None:
        """Take the publisher off its mount, which then waits out its grace or closes."""
        publisher, mount = self.publisher, self.mount
        if publisher is None or mount is None:
            return
        publisher.stop()
        mount.publisher_left(publisher, cause)
        self.mount = None

    def _release_media(self) -> None:
        # Publisher and session know each other: a crowd that leaves is freed at once without.
        publisher, self.publisher = self.publisher, None
        if publisher is not None:
            publisher.release()


class ReaderSession(Session):
    """A session that a reader's first SETUP opened.

    Attributes:
        query: the query of its first URL, without "?".
        reader: who takes the packets; None before a transport was agreed on.
        track_urls: by which URL each track was set up; it may hold a secret and is for RTP-Info
            only.
        awaited_plan: by which it begins in a moment, for a player that needs a pause before.
    """

    awaited_plan: StartPlan | None = None

    def __init__(
        self, identity: EndIdentity, connection: SessionConnection, now: float, *, query: str
    ) -> None:
        super().__init__(identity, connection, now)
        self.query = query
        self.reader: SessionReader | None = None
        self.track_urls: dict[int, str] = {}

    @property
    def tracks(self) -> Sequence[int]:
        """Indexes of the tracks that are set up."""
        return () if self.reader is None else self.reader.track_indexes

    def reader_snapshot(self) -> ReaderSnapshot | None:
        """Return what it was sent and missed."""
        mount, reader = self.mount, self.reader
        return None if mount is None or reader is None else mount.reader_snapshot(reader)

    @property
    def controls(self) -> Sequence[str]:
        """Those that every reader is told."""
        return () if self.mount is None else reader_controls(len(self.mount.tracks))

    def join_mount(self, mount: Mount, reader: SessionReader) -> None:
        """Have the mount know the reader. Raises MountFull, MountClosed."""
        self.reader = reader
        mount.add_reader(reader)
        self.mount = mount

    def pause(self) -> None:
        """Stop delivery; the transports stay."""
        if self.mount is not None and self.reader is not None:
            self.mount.stop_reader(self.reader)

    def leave_mount(self, cause: str) -> None:
        """Have the mount forget the reader."""
        if self.mount is not None and self.reader is not None:
            self.mount.remove_reader(self.reader, cause)

    def say_bye(self, cause: str) -> None:
        """Tell the reader by RTCP that it gets nothing more."""
        if self.reader is not None:
            self.reader.say_bye(cause)

    def forget_reader_without_tracks(self) -> None:
        """Let go of a reader whose transport was not to be had, so that another is tried."""
        if self.reader is not None and self.mount is not None and not self.reader.track_indexes:
            self.leave_mount("its transport was not to be had")
            self.reader = self.mount = None

    def _release_media(self) -> None:
        # Reader and session know each other: a crowd that leaves is freed at once without.
        reader, self.reader = self.reader, None
        if reader is not None:
            reader.release()
