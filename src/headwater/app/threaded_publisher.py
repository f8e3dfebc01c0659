"""Publishing frames from programs without asyncio."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from headwater.libav.encoding.frame_publisher import FramePublisher


class ThreadedFramePublisher:
    """Encodes and publishes: `with server.publish_frames("/out", size=…) as out: out.put(…)`.

    Made by `ThreadedRtspServer.publish_frames`, and by `with headwater.publish_frames(…)`. Its
    methods may be called from any thread, and raise what those of `FramePublisher` raise.
    """

    def __init__(
        self,
        call: Callable[[Coroutine[Any, Any, Any]], Any],
        publisher: FramePublisher,
        on_closed: Callable[[], None] = lambda: None,
    ) -> None:
        """Make it; `call` runs a coroutine on the publisher's loop and returns its result."""
        self._call = call
        self._publisher = publisher
        self._on_closed = on_closed

    @property
    def encoder(self) -> str:
        """libav's name of what encodes the pictures; "" before the start."""
        return self._publisher.encoder

    @property
    def passed_over(self) -> int:
        """How many pictures were given and not encoded, since newer ones came meanwhile."""
        return self._publisher.passed_over

    @property
    def end_reason(self) -> str | None:
        """Why nothing more is published, in words; None while something is."""
        return self._publisher.end_reason

    def start(self) -> Self:
        """Begin; raises what `FramePublisher.start` raises."""
        self._call(self._publisher.start())
        return self

    def put(self, picture: object, *, wallclock: datetime | None = None) -> None:
        """Publish a picture, as `FramePublisher.put`; nothing is waited for."""
        self._publisher.take(picture, wallclock=wallclock)

    def put_audio(self, samples: object, *, wallclock: datetime | None = None) -> None:
        """Publish samples, as `FramePublisher.put_audio`; nothing is waited for."""
        self._publisher.take_audio(samples, wallclock=wallclock)

    def close(self) -> None:
        """Publish what waits, and end; a second call does nothing."""
        on_closed, self._on_closed = self._on_closed, lambda: None
        try:
            self._call(self._publisher.close())
        except RuntimeError:
            # The server has stopped, or its thread: nothing is published there.
            return
        finally:
            on_closed()

    def __enter__(self) -> Self:
        """Publish for the time of a `with` block."""
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        """Publish what waits, and end."""
        self.close()
