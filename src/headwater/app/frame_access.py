"""Decoded pictures and sound of a server's mounts, for the program that the server runs in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

from headwater.app.encoders import frame_publisher, mount_outlet
from headwater.app.mount_path import rooted
from headwater.app.publisher_arguments import PublisherArguments
from headwater.app.running_server import RunningServer
from headwater.app.transform_arguments import TransformArguments

if TYPE_CHECKING:
    from headwater.libav.decoding.frame import Frame
    from headwater.libav.decoding.frame_stream import FrameStream
    from headwater.libav.decoding.sound import AudioFrame
    from headwater.libav.encoding.frame_publisher import FramePublisher
    from headwater.libav.transforms.snapshot import TransformSnapshot


class _Waiting(TypedDict, total=False):
    timeout_s: float | None
    """How long to wait for each frame, in seconds (10); None for ever."""


class DecodingArguments(_Waiting, total=False):
    """What a program may wish of whatever is decoded, by name."""

    decode_in: Literal["thread", "process"]
    """Where the decoder works: on a thread of this process, or in a process of its own, so that a
    stream that kills it harms nobody (thread). Processes are for Linux and macOS."""


class _Frames(DecodingArguments, total=False):
    mode: Literal["latest", "every"]
    """`latest` gives the newest frame whenever you ask for one. `every` gives one after another,
    and passes the oldest over where more than `queue` wait."""
    queue: int
    """How many frames may wait with `every` (8)."""
    on_gap: Literal["wait", "stop"]
    """What follows when the publisher goes: `wait` for the next one, or `stop`."""
    track: int | None
    """The index of the track; the first one that fits unless given."""


class FrameArguments(_Frames, total=False):
    """What a program may wish of pictures, by name."""

    size: tuple[int | None, int | None] | None
    """Width and height in pixels; None for one of them keeps the picture's shape."""
    format: str | None
    """libav's name of a pixel format, such as `bgr24` as OpenCV has it, `rgb24` or `gray`. Frames
    are brought into it beside the media loop."""
    fps: float | None
    """At most so many frames a second."""
    keyframes_only: bool
    """Only pictures that are coded without others; the rest is not decoded."""
    device: str | None
    """What decodes in hardware, such as `cuda` or `vaapi`. The processor does where it fails."""


class AudioFrameArguments(_Frames, total=False):
    """What a program may wish of sound, by name."""


class SnapshotArguments(DecodingArguments, total=False):
    """What a program may wish of a snapshot, by name."""

    format: Literal["jpeg", "png"]
    """Of the file (jpeg)."""
    size: tuple[int | None, int | None] | None
    """Width and height in pixels; None for one of them keeps the picture's shape."""
    quality: int
    """Of a JPEG, 1 to 100 (85)."""
    max_age_s: float
    """How long ago the picture may have come, in seconds (1)."""


class FrameAccess(ABC):
    """What `RtspServer` offers of decoded media; needs the extra `media`."""

    _running: RunningServer | None

    def frames(self, path: str, **wishes: Unpack[FrameArguments]) -> FrameStream[Frame]:
        """Return decoded pictures of a mount: `async for frame in server.frames("/cam")`.

        Decoding begins with the first frame that is asked for, at the last key frame, so that it
        is there at once. One decoder serves everybody who wants frames of the mount. Where there
        is no publisher the iteration waits for one, and it goes on with the next.

        Args:
            path: the path of the mount.
            wishes: by name; see `FrameArguments`.

        Raises:
            ImportError: PyAV or numpy is not installed.
            RuntimeError: the server is not running.
            ValueError: a wish makes no sense.
        """
        decodings = self._required().decodings
        from headwater.libav.decoding.wishes import wishes_of

        return decodings.pictures(rooted(path), wishes_of(**wishes))

    def audio_frames(
        self, path: str, **wishes: Unpack[AudioFrameArguments]
    ) -> FrameStream[AudioFrame]:
        """Return decoded sound of a mount: `async for frame in server.audio_frames("/cam")`.

        Unless asked otherwise every frame is given, and 50 of them may wait.

        Args:
            path: the path of the mount.
            wishes: by name; see `AudioFrameArguments`.

        Raises what `frames` raises.
        """
        decodings = self._required().decodings
        from headwater.libav.decoding.wishes import wishes_of

        all_wishes: AudioFrameArguments = {"mode": "every", "queue": 50, **wishes}
        return decodings.sound(rooted(path), wishes_of(**all_wishes))

    def publish_frames(self, path: str, **wishes: Unpack[PublisherArguments]) -> FramePublisher:
        """Publish pictures or sound: `async with server.publish_frames("/out", size=…) as out`.

        Then `await out.put(array)`, and `await out.put_audio(samples)`. What encodes them works
        on a thread of its own.

        Args:
            path: the path of the mount.
            wishes: by name; see `PublisherArguments`.

        Raises:
            ImportError: PyAV or numpy is not installed.
            RuntimeError: the server is not running.
            ValueError: a wish makes no sense.
        """
        programs = self._required().programs
        return frame_publisher(partial(mount_outlet, programs, rooted(path)), wishes)

    def transform(
        self,
        source: str,
        target: str,
        function: Callable[[Frame], object],
        **wishes: Unpack[TransformArguments],
    ) -> None:
        """Show what a function makes of the frames of a mount on another one, until the stop.

        The function is called with one frame after another, on a thread of its own, and returns a
        picture, or None where none is to be shown. While it is at work, frames are passed over.
        What it raises is logged, and the next frame is tried. The target opens with the first
        picture, ends with the source, and comes back with it.

        Args:
            source: the path of the mount whose frames the function is given.
            target: the path that shows what it returns.
            function: takes a `Frame`; what it returns is what `FramePublisher.put` takes.
            wishes: by name; see `TransformArguments`.

        Raises:
            ImportError: PyAV or numpy is not installed.
            RuntimeError: the server is not running, or the target shows a transform already.
            ValueError: a path or a wish makes no sense.
        """
        transforms = self._required().transforms
        transforms.ask(rooted(source), rooted(target), function, wishes)

    async def stop_transform(self, target: str) -> bool:
        """End the transform that a path shows; False where there is none."""
        return await self._required().transforms.ask_no_more(rooted(target))

    @property
    def transforms(self) -> tuple[TransformSnapshot, ...]:
        """The transforms as they are now: a copy to keep."""
        return () if self._running is None else self._running.asked_transforms

    async def latest_frame(
        self, path: str, *, max_age_s: float = 1.0, **wishes: Unpack[DecodingArguments]
    ) -> Frame:
        """Return a picture that came no longer ago than `max_age_s` seconds.

        Where nobody watches, the last key frame and what follows are decoded for it. The decoder
        goes on for some seconds, so that it costs little to ask again.

        Args:
            path: the path of the mount.
            max_age_s: how long ago the picture may have come, in seconds.
            wishes: by name; see `DecodingArguments`.

        Raises:
            FrameTimeout: none came within `timeout_s` seconds.
            NotDecodable: the mount has no pictures that can be decoded here.
            SourceEnded: the server stopped meanwhile.
        """
        decodings = self._required().decodings
        from headwater.libav.decoding.wishes import wishes_of

        return await decodings.latest(rooted(path), wishes_of(**wishes), max_age_s=max_age_s)

    async def snapshot(self, path: str, **wishes: Unpack[SnapshotArguments]) -> bytes:
        """Return a picture of a mount as a JPEG or PNG file; many who ask share one.

        Args:
            path: the path of the mount.
            wishes: by name; see `SnapshotArguments`.

        Raises what `latest_frame` raises, and ValueError for a quality that is none.
        """
        decodings = self._required().decodings
        from headwater.libav.decoding.wishes import wishes_of

        return await decodings.still(
            rooted(path),
            wishes_of(
                timeout_s=wishes.get("timeout_s", 10.0),
                size=wishes.get("size"),
                decode_in=wishes.get("decode_in", "thread"),
            ),
            codec=wishes.get("format", "jpeg"),
            quality=wishes.get("quality", 85),
            max_age_s=wishes.get("max_age_s", 1.0),
        )

    @abstractmethod
    def _required(self) -> RunningServer:
        """The server that runs. Raises RuntimeError where none does."""
