"""The decoders of one server: one for each track that somebody wants frames of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from headwater.http.settings import DecodingPlace
from headwater.libav.decoding.decoded_frame import Missed
from headwater.libav.decoding.decoding import Content, Decoding
from headwater.libav.decoding.errors import FrameTimeout, SourceEnded
from headwater.libav.decoding.frame import Frame
from headwater.libav.decoding.frame_stream import FrameStream
from headwater.libav.decoding.media_source import MediaSource
from headwater.libav.decoding.picture import AS_IT_COMES, Picture, Shape
from headwater.libav.decoding.sound import AudioFrame, Sound
from headwater.libav.decoding.wishes import FrameWishes

_CONVERTERS = 2
"""Threads that bring pictures into shape; libav works there without the interpreter."""


@dataclass(frozen=True, slots=True)
class _Key:
    name: str
    kind: str
    track: int | None
    device: str | None
    decode_in: DecodingPlace


class Decodings:
    """Shares decoders among those who want frames."""

    def __init__(self, make_source: Callable[[str], MediaSource]) -> None:
        """Make it; `make_source` gives what finds the media of a path."""
        self._make_source = make_source
        self._decodings: dict[_Key, Decoding] = {}
        self._converter = ThreadPoolExecutor(_CONVERTERS, thread_name_prefix="frames convert")
        # Apart: a PNG takes as long as a hundred conversions, which frames would wait for.
        self._still_maker = ThreadPoolExecutor(1, thread_name_prefix="frames stills")
        self._closed = False

    @property
    def running(self) -> tuple[Decoding, ...]:
        """Those that decode now, or wait for somebody who wants their frames."""
        return tuple(self._decodings.values())

    def pictures(self, path: str, wishes: FrameWishes) -> FrameStream[Frame]:
        """Return frames of a path; nothing is decoded before the first is asked for."""
        key = _Key(path, "video", wishes.track, wishes.device, wishes.decode_in)
        return FrameStream(partial(self._decoding, key), wishes, self._finish_picture)

    def sound(self, path: str, wishes: FrameWishes) -> FrameStream[AudioFrame]:
        """Return the sound of a path; nothing is decoded before the first is asked for."""
        key = _Key(path, "audio", wishes.track, None, wishes.decode_in)
        return FrameStream(partial(self._decoding, key), wishes, _finish_sound)

    async def latest(self, path: str, wishes: FrameWishes, *, max_age_s: float) -> Frame:
        """Return a frame that came no longer ago than `max_age_s`.

        Raises FrameTimeout, SourceEnded, NotDecodable.
        """
        loop = asyncio.get_running_loop()
        async with self.pictures(path, replace(wishes, timeout_s=None)) as frames:
            try:
                async with asyncio.timeout(wishes.timeout_s):
                    while True:
                        frame = await anext(frames)
                        if loop.time() - frame.arrived_s <= max_age_s:
                            return frame
            except TimeoutError:
                raise FrameTimeout(
                    f"{path}: no frame of the last {max_age_s:g} s came within"
                    f" {wishes.timeout_s:g} s"
                ) from None

    async def still(
        self, path: str, wishes: FrameWishes, *, codec: str, quality: int, max_age_s: float
    ) -> bytes:
        """Return a picture as a JPEG or PNG file; who asks for the same one shares it.

        Raises what `latest` raises, and ValueError for a codec or quality that there is not.
        """
        frame = await self.latest(path, wishes, max_age_s=max_age_s)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._still_maker, frame.still, codec, quality)

    def close(self) -> None:
        """Stop all decoders: no frame will come any more."""
        self._closed = True
        for key, decoding in tuple(self._decodings.items()):
            decoding.end(SourceEnded(f"{key.name}: the server has stopped"))
        self._decodings.clear()
        for threads in (self._converter, self._still_maker):
            threads.shutdown(wait=False, cancel_futures=True)

    def _decoding(self, key: _Key) -> Decoding:
        found = self._decodings.get(key)
        if found is None:
            found = self._decodings[key] = Decoding(
                self._make_source(key.name),
                key.kind,
                track=key.track,
                device=key.device,
                decode_in=key.decode_in,
                on_idle=partial(self._forget, key),
            )
        return found

    def _forget(self, key: _Key) -> None:
        self._decodings.pop(key, None)

    async def _finish_picture(self, content: Content, wishes: FrameWishes, missed: Missed) -> Frame:
        assert isinstance(content, Picture)  # noqa: S101 - of a picture's track
        if wishes.shape != AS_IT_COMES:
            await self._bring_into(wishes.shape, content)
        return Frame(content, wishes.shape, missed)

    async def _bring_into(self, shape: Shape, picture: Picture) -> None:
        """Have a picture converted beside the loop: handed over once, whoever waits for it."""
        if self._closed:
            raise SourceEnded("the server has stopped")
        made = picture.conversions.get(shape)
        if made is None:
            loop = asyncio.get_running_loop()
            made = loop.run_in_executor(self._converter, picture.in_shape, shape)
            picture.conversions[shape] = made
        if not made.done():
            # Whoever is cancelled must not cancel it for the others.
            await asyncio.wait([made])
        if made.cancelled():
            raise SourceEnded("the server has stopped")
        made.result()


async def _finish_sound(content: Content, _wishes: FrameWishes, missed: Missed) -> AudioFrame:
    assert isinstance(content, Sound)  # noqa: S101 - of a track of sound
    return AudioFrame(content, missed)
