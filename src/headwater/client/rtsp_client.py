"""`RtspClient`: another RTSP server, to play from and to record to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from headwater.client.play_session import PlayRequest
from headwater.client.playback import Playback
from headwater.client.pull import Pull
from headwater.client.recording import Recording, presentation_of
from headwater.client.settings import ClientSettings
from headwater.client.surroundings import Surroundings
from headwater.client.target import Target
from headwater.client.transport_memory import TransportMemory
from headwater.protocol.sdp import SessionDescription


class RtspClient:
    """A client of one RTSP URL.

        async with RtspClient("rtsp://user:password@192.0.2.7/stream1") as client:
            async for track, batch in client.play():
                ...

    Nothing is connected before something is asked. Whatever was opened is ended, with TEARDOWN, at
    the end of the block. Settings may be given one by one, or together as `settings`.

    Attributes:
        settings: what was chosen.
        url: the URL without user name and password.

    Raises:
        ValueError: the URL or an option cannot be used.
    """

    def __init__(self, url: str, *, settings: ClientSettings | None = None, **chosen: Any) -> None:
        if settings is not None and chosen:
            raise ValueError("give `settings`, or single settings, and not both")
        self.settings = settings or ClientSettings(**chosen)
        self._target = Target.of(url, self.settings)
        self.url = self._target.url
        self._memory = TransportMemory()
        self._around: Surroundings | None = None
        self._pull: Pull | None = None
        self._open: list[Playback | Recording] = []

    async def describe(self) -> SessionDescription:
        """Return what the server has at the URL. A `play` after it needs no second question.

        Raises ClientError.
        """
        pull = self._next_pull()
        self._pull = pull
        return await pull.describe()

    def play(
        self,
        *,
        tracks: Sequence[int] | None = None,
        range_text: str = "",
        scale: float | None = None,
    ) -> Playback:
        """Return the server's media, to be iterated over: `async for track, batch in …`.

        Args:
            tracks: indexes of the `m=` lines to play; all that the server sends unless given.
            range_text: what to play of a recording, such as `npt=30-60` or
                `clock=20260101T120000Z-`.
            scale: how fast a recorder is to play.
        """
        pull = self._pull or self._next_pull()
        self._pull = None
        request = PlayRequest(None if tracks is None else tuple(tracks), range_text, scale)
        playback = Playback(pull, self._surroundings, request)
        self._open.append(playback)
        return playback

    def record(
        self,
        presentation: SessionDescription | str | bytes,
        *,
        on_key_frame_wanted: Callable[[int], None] | None = None,
    ) -> Recording:
        """Return a recording on the server, to be used as `async with client.record(sdp) as …`.

        Args:
            presentation: what is sent, as SDP: one `m=` line for each track.
            on_key_frame_wanted: called with the index of a track, at most once a second, when
                the server asks for a key frame.

        Raises:
            ValueError: it is no SDP that can be sent.
        """
        recording = Recording(
            self._target,
            self.settings,
            self._surroundings,
            presentation_of(presentation),
            on_key_frame_wanted,
        )
        self._open.append(recording)
        return recording

    async def close(self) -> None:
        """End everything that was opened; a second call does nothing."""
        opened, self._open = self._open, []
        pull, self._pull = self._pull, None
        if pull is not None:
            pull.close()
        for one in opened:
            await one.close()

    async def __aenter__(self) -> Self:
        """Do nothing yet."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End everything that was opened."""
        await self.close()

    @property
    def _surroundings(self) -> Surroundings:
        if self._around is None:
            self._around = Surroundings.alone()
        return self._around

    def _next_pull(self) -> Pull:
        return Pull(self._target, self.settings, self._surroundings, self._memory)
