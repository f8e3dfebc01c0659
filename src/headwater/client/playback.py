"""What a program takes of a server: batches of packets, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

from headwater.client.errors import EndedError
from headwater.client.own_mount import OwnMount
from headwater.client.play_session import PlayRequest, PlaySession
from headwater.client.pull import Pull
from headwater.client.surroundings import Surroundings
from headwater.media.readers.iterable_reader import IterableReader
from headwater.media.snapshot import MountSnapshot
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.protocol.sdp import SessionDescription
from headwater.relay.relay import new_end_id
from headwater.transports.ingest_publisher import IngestPublisher
from headwater.transports.settings import TransportKind


class TrackBatch(NamedTuple):
    """Packets of one track that came together: `track, batch`, or by name.

    Attributes:
        track: the track's index among those that are played.
        batch: the packets, and when they came.
    """

    track: int
    batch: PacketBatch

    @property
    def packets(self) -> Sequence[bytes]:
        """RTP packets in order of arrival, as they came."""
        return self.batch.packets


class Playback:
    """A server's media as an iteration: `async for track, batch in client.play()`.

    Made by `RtspClient.play`.

    It starts with the first batch that is asked for, or with `start`, and ends where the server
    ends it in order. The program may take its time between two batches: where it is slower than
    the media it loses whole stretches up to the next key frame.
    """

    def __init__(self, pull: Pull, around: Surroundings, request: PlayRequest) -> None:
        self._pull = pull
        self._request = request
        self._own = OwnMount(around)
        loop = around.loop
        self._reader = IterableReader(
            new_end_id(),
            clock=loop.time,
            call_soon=loop.call_soon,
            create_future=loop.beneath.create_future,
        )
        self._session: PlaySession | None = None

    async def start(self) -> Self:
        """Have the server play; a second call does nothing. Raises ClientError."""
        if self._session is None:
            self._session = await self._pull.start(
                _ReadMount(self._own, self._reader), self._request
            )
            self._session.ended.add_done_callback(lambda _: self._note_end())
        return self

    @property
    def transport(self) -> TransportKind:
        """How media comes. Raises RuntimeError before the start."""
        return self._begun.kind

    @property
    def presentation(self) -> SessionDescription:
        """The description of the tracks that are played. Raises RuntimeError before the start."""
        return self._begun.presentation

    @property
    def range_text(self) -> str | None:
        """The Range that the server answered to PLAY."""
        return self._header("Range")

    @property
    def scale(self) -> str | None:
        """The Scale that the server answered to PLAY."""
        return self._header("Scale")

    @property
    def dropped_packets(self) -> int:
        """RTP packets that the program missed because it was too slow."""
        return self._reader.dropped_packets

    def reception(self) -> MountSnapshot | None:
        """Return what came so far: packets, loss, jitter, sender reports; None when it is over."""
        return None if self._own.mount is None else self._own.mount.snapshot()

    async def pause(self) -> None:
        """Have the server stop for a while. Raises ClientError."""
        await self._begun.pause()

    async def resume(self, *, range_text: str = "", scale: float | None = None) -> None:
        """Have it go on where it was, or at another place or speed. Raises ClientError."""
        changed = range_text or scale is not None
        await self._begun.resume(
            PlayRequest(range_text=range_text, scale=scale) if changed else None
        )

    async def close(self) -> None:
        """End the session; a second call does nothing."""
        self._reader.end("left")
        if self._session is not None:
            await self._session.close()

    def __aiter__(self) -> Self:
        """Take the batches."""
        return self

    async def __anext__(self) -> TrackBatch:
        """Wait for the next batch.

        Raises ClientError where media ended otherwise than in order.
        """
        await self.start()
        try:
            track, batch = await anext(self._reader)
        except StopAsyncIteration:
            await self._begun.close("ended")
            error = self._begun.ended.result()
            if isinstance(error, EndedError):
                raise
            raise error from None
        return TrackBatch(track.index, batch)

    async def __aenter__(self) -> Self:
        """Start, and end with the block."""
        return await self.start()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the session."""
        await self.close()

    @property
    def _begun(self) -> PlaySession:
        if self._session is None:
            raise RuntimeError("nothing is played yet; `await playback.start()` first")
        return self._session

    def _header(self, name: str) -> str | None:
        answer = self._begun.answer
        return None if answer is None else answer.headers.get(name)

    def _note_end(self) -> None:
        """Let the iteration come to its end, once it has taken what waits."""
        self._own.close("ended")


class _ReadMount:
    """The sink of a playback: its mount, which the one reader reads from the first packet on."""

    def __init__(self, own: OwnMount, reader: IterableReader) -> None:
        self._own = own
        self._reader = reader

    def begin(
        self, presentation: SessionDescription, publisher: IngestPublisher
    ) -> Sequence[Track]:
        mount = self._own.open(presentation, publisher)
        self._reader.begin(mount)
        return mount.tracks

    def end(self, publisher: IngestPublisher, reason: str) -> None:
        self._own.end(publisher, reason)
