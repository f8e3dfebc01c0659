"""What a program publishes: packets that it has, on a mount."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from headwater.log_pace import paced_logger
from headwater.media.publisher import Publisher
from headwater.media.tracks.track import Track
from headwater.protocol.rtcp import Feedback, parse_rtcp
from headwater.protocol.sdp import SessionDescription
from headwater.protocol.session_states import SessionState
from headwater.relay.end import End, EndIdentity, EndKind
from headwater.relay.relay import Relay, new_end_id
from headwater.side import Side

logger = paced_logger(__name__)

OnKeyFrameWanted = Callable[[int], None]
"""Called with the index of a track for which somebody needs a key frame."""


class _Feed(Publisher):
    """The publisher as the mount sees it."""

    transport = "python"
    peer = ""

    def __init__(
        self, end: PacketPublisher, user_agent: str, on_key_frame_wanted: OnKeyFrameWanted | None
    ) -> None:
        self.id = end.id
        self.user_agent = user_agent
        self._end = end
        self._on_key_frame_wanted = on_key_frame_wanted

    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        """Hand a request for a key frame to the program; what else is said is of no use to it."""
        if self._on_key_frame_wanted is None or not asks_for_key_frame(packet):
            return
        try:
            self._on_key_frame_wanted(track_index)
        except Exception:
            logger.exception("a publisher's function raised", extra={"session": self.id})

    def close(self, reason: str) -> None:
        """End the publisher, which the mount does not want any more."""
        self._end.close(reason)


class PacketPublisher(End):
    """A program's publisher. Made by `RtspServer.publish`.

    Attributes:
        end_reason: why it has ended; None while it publishes.
    """

    transport = "python"

    def __init__(
        self,
        relay: Relay,
        path: str,
        presentation: SessionDescription,
        *,
        on_key_frame_wanted: OnKeyFrameWanted | None = None,
        user_agent: str = "",
    ) -> None:
        """Make a publisher that has not begun; see `RtspServer.publish`."""
        identity = EndIdentity(
            id=new_end_id(),
            kind=EndKind.PYTHON,
            side=Side.PUBLISH,
            path=path,
            user_agent=user_agent,
        )
        super().__init__(identity, relay.clock())
        self.presentation = presentation
        self.end_reason: str | None = None
        self._relay = relay
        self._feed = _Feed(self, user_agent, on_key_frame_wanted)

    def begin(self) -> None:
        """Take the mount; called by the relay once. Raises MountBusy."""
        self.mount = self._relay.mounts.open(self.path, self.presentation, self._feed)

    def publish(self, track: int, packets: Sequence[bytes]) -> None:
        """Give RTP packets of one track to all readers, in one batch.

        What is no RTP is dropped and counted. Raises RuntimeError once the publisher has ended,
        IndexError for a track that the presentation does not have.
        """
        if packets:
            # What a program goes on changing must not change what is kept: bytes stay as they are.
            self._track(track).write(list(map(bytes, packets)))

    def publish_rtcp(self, track: int, packets: Sequence[bytes]) -> None:
        """Give compound RTCP packets of one track, such as sender reports, to all readers.

        Without any, the server makes sender reports. Raises as `publish` does.
        """
        if packets:
            self._track(track).write_rtcp(list(map(bytes, packets)))

    def _track(self, index: int) -> Track:
        if self.mount is None:
            raise RuntimeError(f"the publisher of {self.path} has ended: {self.end_reason}")
        if index < 0:
            raise IndexError(f"track {index} is below 0")
        return self.mount.tracks[index]

    def close(self, reason: str = "publisher left") -> None:
        """Stop publishing; readers stay for the mount's grace. A second call does nothing."""
        self._relay.close(self, reason)

    @property
    def state(self) -> SessionState:
        """RECORDING until it has ended."""
        return SessionState.INIT if self.mount is None else SessionState.RECORDING

    @property
    def tracks(self) -> Sequence[int]:
        """Indexes of the tracks of its presentation."""
        return tuple(range(len(self.presentation.media)))

    async def __aenter__(self) -> Self:
        """Publish for the time of an `async with` block."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop publishing."""
        self.close()

    def leave_mount(self, cause: str) -> None:
        """Take it off its mount, which then waits out its grace or closes."""
        mount, self.mount = self.mount, None
        self.end_reason = cause
        if mount is not None:
            mount.publisher_left(self._feed, cause)

    def release(self) -> None:
        """Give back nothing: a program takes no port."""

    def let_go(self, *, by_server: bool) -> None:
        """Forget nothing: its program learns of the end when it next publishes."""


def asks_for_key_frame(compound: bytes) -> bool:
    """Return whether a compound RTCP packet asks its receiver for a key frame."""
    return any(
        isinstance(packet, Feedback) and packet.wants_key_frame for packet in parse_rtcp(compound)
    )
