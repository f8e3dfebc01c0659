"""What a program sends to a server, which records it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from headwater.client.errors import ClientError
from headwater.client.own_mount import OwnMount
from headwater.client.push import push
from headwater.client.push_session import PushSession
from headwater.client.settings import ClientSettings
from headwater.client.surroundings import Surroundings
from headwater.client.target import Target
from headwater.log_pace import paced_logger
from headwater.media.mount import Mount
from headwater.media.publisher import Publisher
from headwater.media.tracks.track import Track
from headwater.protocol.errors import ProtocolError
from headwater.protocol.sdp import SessionDescription
from headwater.relay.packet_publisher import OnKeyFrameWanted, asks_for_key_frame
from headwater.relay.relay import new_end_id
from headwater.transports.settings import TransportKind

logger = paced_logger(__name__)


def presentation_of(presentation: SessionDescription | str | bytes) -> SessionDescription:
    """Read what is to be sent. Raises ValueError where it is no SDP."""
    if isinstance(presentation, SessionDescription):
        return presentation
    try:
        return SessionDescription.parse(presentation)
    except ProtocolError as error:
        raise ValueError(f"the presentation is no SDP to record: {error}") from error


class _Program(Publisher):
    """The program as its mount sees it."""

    transport = "python"
    peer = ""
    user_agent = ""

    def __init__(self, on_key_frame_wanted: OnKeyFrameWanted | None) -> None:
        self.id = new_end_id()
        self._on_key_frame_wanted = on_key_frame_wanted

    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        """Hand a request for a key frame to the program, which has no use for what else is said."""
        if self._on_key_frame_wanted is None or not asks_for_key_frame(packet):
            return
        try:
            self._on_key_frame_wanted(track_index)
        except Exception:
            logger.exception("a recording's function raised", extra={"session": self.id})

    def close(self, reason: str) -> None:
        """Do nothing: the recording is what ends."""


class Recording:
    """A server that records what this program gives: `async with client.record(sdp) as …`.

    Made by `RtspClient.record`.

    Nothing waits for the server: where it takes too little, it loses whole stretches up to the next
    key frame.
    """

    def __init__(
        self,
        target: Target,
        settings: ClientSettings,
        around: Surroundings,
        presentation: SessionDescription,
        on_key_frame_wanted: OnKeyFrameWanted | None = None,
    ) -> None:
        self.presentation = presentation
        self._target = target
        self._settings = settings
        self._around = around
        self._own = OwnMount(around)
        self._program = _Program(on_key_frame_wanted)
        self._session: PushSession | None = None

    async def start(self) -> Self:
        """Have the server record; a second call does nothing. Raises ClientError."""
        if self._session is None:
            mount = self._own.open(self.presentation, self._program)
            try:
                self._session = await push(self._target, self._settings, self._around, mount)
            except BaseException:
                self._own.close("not begun")
                raise
        return self

    @property
    def transport(self) -> TransportKind:
        """How media goes. Raises RuntimeError before the start."""
        return self._begun.kind

    @property
    def ended(self) -> asyncio.Future[ClientError]:
        """Done, with the reason, once the server records no more. Raises as `transport` does."""
        return self._begun.ended

    @property
    def dropped_packets(self) -> int:
        """RTP packets that the server missed because it took too little."""
        reader = self._begun.reader
        return 0 if reader is None else reader.dropped_packets

    def publish(self, track: int, packets: Sequence[bytes]) -> None:
        """Send RTP packets of one track, in one batch.

        Raises ClientError once the recording has ended, RuntimeError before it has begun,
        IndexError for a track that the presentation does not have.
        """
        if packets:
            self._track(track).write(list(map(bytes, packets)))

    def publish_rtcp(self, track: int, packets: Sequence[bytes]) -> None:
        """Send compound RTCP packets of one track. Raises as `publish` does."""
        if packets:
            self._track(track).write_rtcp(list(map(bytes, packets)))

    async def close(self) -> None:
        """End the recording, once what waits has left; a second call does nothing."""
        if self._session is not None:
            await self._session.close()
        self._own.close("left")

    async def __aenter__(self) -> Self:
        """Start, and end with the block."""
        return await self.start()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the recording."""
        await self.close()

    @property
    def _begun(self) -> PushSession:
        if self._session is None:
            raise RuntimeError("nothing is recorded yet; `await recording.start()` first")
        return self._session

    def _track(self, index: int) -> Track:
        session = self._begun
        if session.ended.done():
            raise session.ended.result()
        mount: Mount | None = self._own.mount
        if mount is None or not 0 <= index < len(mount.tracks):
            raise IndexError(f"there is no track {index}")
        return mount.tracks[index]
