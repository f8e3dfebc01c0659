"""What a program reads of a mount: batches of packets, by a function or one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

from headwater.media.mount import Mount
from headwater.media.readers.function_reader import FunctionReader
from headwater.media.readers.iterable_reader import IterableReader
from headwater.media.snapshot import ReaderSnapshot
from headwater.media.tracks.packet_batch import PacketBatch
from headwater.media.tracks.track import Track
from headwater.protocol.sdp import SessionDescription
from headwater.protocol.session_states import SessionState
from headwater.relay.end import End, EndIdentity, EndKind
from headwater.relay.relay import Relay, new_end_id
from headwater.side import Side

OnBatch = Callable[[int, PacketBatch], None]
"""Called with the index of a track and a batch of its packets."""


class BatchReader(End):
    """A program's reader of a mount. Made by `RtspServer.read`.

    With a function, that is called with each batch. Without, batches are taken one after another:
    `async for track, batch in reader`. Either way a program that is slower than the media loses
    whole stretches up to the next key frame, as every slow reader does.

    Attributes:
        presentation: the description of the mount, with a `media` section for each track.
    """

    transport = "python"

    def __init__(
        self,
        relay: Relay,
        mount: Mount,
        *,
        on_batch: OnBatch | None = None,
        on_rtcp: OnBatch | None = None,
        on_end: Callable[[str], None] | None = None,
        user_agent: str = "",
    ) -> None:
        """Make a reader that has not begun; see `RtspServer.read`."""
        identity = EndIdentity(
            id=new_end_id(),
            kind=EndKind.PYTHON,
            side=Side.PLAY,
            path=mount.path,
            user_agent=user_agent,
        )
        super().__init__(identity, relay.clock())
        self.presentation: SessionDescription = mount.presentation
        self._relay = relay
        self._begins_on = mount
        self._tracks: Sequence[int] = ()
        loop = relay.loop
        self._reader: FunctionReader | IterableReader
        if on_batch is None:
            self._reader = IterableReader(
                self.id,
                clock=relay.clock,
                call_soon=loop.call_soon,
                create_future=loop.beneath.create_future,
                user_agent=user_agent,
            )
        else:
            self._reader = FunctionReader(
                self.id,
                _by_index(on_batch),
                clock=relay.clock,
                call_soon=loop.call_soon,
                on_rtcp=None if on_rtcp is None else _by_index(on_rtcp),
                on_end=on_end,
                user_agent=user_agent,
            )
        self._reader.on_end_noted = self._note_end

    def begin(self, tracks: Sequence[int] | None, *, instant_start: bool | None) -> None:
        """Start to read; called by the relay once. Raises MountFull, MountClosed."""
        mount = self.mount = self._begins_on
        self._tracks = tuple(range(len(mount.tracks)) if tracks is None else tracks)
        self._reader.begin(mount, self._tracks, instant_start=instant_start)

    @property
    def state(self) -> SessionState:
        """PLAYING until it has ended."""
        return SessionState.INIT if self._reader.end_reason is not None else SessionState.PLAYING

    @property
    def tracks(self) -> Sequence[int]:
        """Indexes of the tracks that it reads."""
        return self._tracks

    def reader_snapshot(self) -> ReaderSnapshot | None:
        """Return what it was sent and missed."""
        return None if self.mount is None else self.mount.reader_snapshot(self._reader)

    @property
    def end_reason(self) -> str | None:
        """Why it has ended; None while it goes on."""
        return self._reader.end_reason

    @property
    def delivered_packets(self) -> int:
        """RTP packets that the program has taken."""
        return self._reader.delivered_packets

    @property
    def dropped_packets(self) -> int:
        """RTP packets that it missed because it was too slow."""
        return self._reader.dropped_packets

    @property
    def queued_bytes(self) -> int:
        """Bytes of memory that wait for the program."""
        return self._reader.queued_bytes

    def close(self, reason: str = "left") -> None:
        """Stop reading; what waits is thrown away. A second call does nothing."""
        self._reader.end(reason)

    def __aiter__(self) -> Self:
        """Take the batches of a reader that has no function."""
        if isinstance(self._reader, FunctionReader):
            raise TypeError("the batches of this reader go to its function")
        return self

    async def __anext__(self) -> tuple[int, PacketBatch]:
        """Wait for the next batch; return the index of its track, and the batch."""
        assert isinstance(self._reader, IterableReader)  # noqa: S101 - see __aiter__
        track, batch = await anext(self._reader)
        return track.index, batch

    async def __aenter__(self) -> Self:
        """Read for the time of an `async with` block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop reading."""
        self.close()

    def leave_mount(self, cause: str) -> None:
        """Stop reading, unless the mount itself has ended it: then what waits can be taken."""
        if self._reader.end_reason is None:
            self._reader.end(cause)

    def release(self) -> None:
        """Give back nothing: a program takes no port."""

    def let_go(self, *, by_server: bool) -> None:
        """Forget nothing: its program knows by `on_end`, or by the end of the iteration."""

    def _note_end(self, reason: str) -> None:
        self._relay.close(self, reason)


def _by_index(function: OnBatch) -> Callable[[Track, PacketBatch], None]:
    def call(track: Track, batch: PacketBatch) -> None:
        function(track.index, batch)

    return call
