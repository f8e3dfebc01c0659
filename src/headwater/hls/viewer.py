"""One who watches by HLS: it has no connection, only requests with its token."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headwater.feeds.fed_reader import FedReader
from headwater.hls.mount_stream import MountHls
from headwater.media.mount import Mount
from headwater.protocol.session_states import SessionState
from headwater.relay.end import End, EndIdentity


class HlsViewer(End):
    """Is there as long as its player asks for something now and then.

    Attributes:
        stream: what it watches.
        token: what its requests show.
        outlived: whether it ended with its mount: its player may read the end of the playlist.
    """

    leaves_by_itself = False

    def __init__(
        self,
        identity: EndIdentity,
        stream: MountHls,
        now: float,
        send_away: Callable[[HlsViewer, str], None],
    ) -> None:
        """`send_away` closes it, for a reason."""
        super().__init__(identity, now)
        self.stream = stream
        self.token = ""
        self.outlived = False
        self.reader = FedReader(identity, "http", self._mount_closed)
        self._send_away = send_away

    def attach(self, mount: Mount) -> None:
        """Take a place on the mount. Raises MountFull, MountClosed."""
        mount.add_reader(self.reader)
        self.mount = mount
        mount.start_reader(self.reader, mount.plan_start(self.tracks, instant_start=False))

    def _mount_closed(self, reason: str) -> None:
        self.outlived = True
        self._send_away(self, reason)

    @property
    def may_ask(self) -> bool:
        """Whether its token is good."""
        return not self.closed or self.outlived

    @property
    def state(self) -> SessionState:
        """PLAYING from its first segment on."""
        return SessionState.PLAYING if self.reader.delivered.sent_frames else SessionState.READY

    @property
    def transport(self) -> str | None:
        """How it is reached."""
        return self.reader.transport

    @property
    def tracks(self) -> Sequence[int]:
        """The tracks that it is sent."""
        return () if self.mount is None else range(len(self.mount.tracks))

    def note(self, now: float, size_bytes: int = 0, frames: int = 0) -> None:
        """Note a request of it, and what it was given."""
        self.last_seen_s = now
        self.reader.delivered.sent_bytes += size_bytes
        self.reader.delivered.sent_frames += frames

    def leave_mount(self, cause: str) -> None:
        """Give its place on the mount back."""
        mount, self.mount = self.mount, None
        if mount is not None:
            mount.remove_reader(self.reader, cause)

    def release(self) -> None:
        """Do nothing: it holds nothing but its place."""

    def let_go(self, *, by_server: bool) -> None:
        """Do nothing: its next request is refused."""
