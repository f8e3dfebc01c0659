"""`VideoCapture`: cameras read as OpenCV reads them, the newest frame each time, and never hanging.

from headwater.capture import VideoCapture

camera = VideoCapture("rtsp://camera/live")
while camera.isOpened():
    ok, picture = camera.read()
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from headwater.app.url_frames import open_frames
from headwater.client.settings import ClientSettings
from headwater.own_loop import OwnLoop

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from headwater.app.frame_access import FrameArguments
    from headwater.libav.decoding.decodings import Decodings
    from headwater.libav.decoding.frame import Frame
    from headwater.libav.decoding.frame_stream import FrameStream

POS_MSEC, FRAME_WIDTH, FRAME_HEIGHT, FPS, BUFFERSIZE = 0, 3, 4, 5, 38
"""The numbers of OpenCV's CAP_PROP_… that a stream has something to say to."""
TIMEOUT_S = 10.0


class VideoCapture:
    """Reads an RTSP URL; the methods are those of `cv2.VideoCapture`.

    The connection and the decoder work on threads of their own, and go on while the program is
    busy: `read` gives the newest frame that the program has not had. Where the camera goes away
    it is asked for again, for as long as it takes; `read` says False after `timeout_s` meanwhile,
    and True again when it is back. End it with `release`, or use it by `with`.

    Args:
        url: the camera's, such as `rtsp://user:password@camera/live`.
        api_preference: OpenCV's choice of who reads; it changes nothing here.
        timeout_s: how long `read` and `grab` wait for a frame, and this call for the first one.
        settings: of the client, such as the transport.
        decode_in: where the decoder works: on a thread, or in a process of its own, so that a
            stream that makes it crash does not end the program.

    Raises:
        ImportError: PyAV or numpy is not installed.
        ValueError: the URL is none that can be played.
    """

    def __init__(
        self,
        url: str,
        api_preference: int = 0,  # noqa: ARG002 - for programs that name one
        *,
        timeout_s: float = TIMEOUT_S,
        settings: ClientSettings | None = None,
        decode_in: Literal["thread", "process"] = "thread",
    ) -> None:
        self._first: Frame | None = None
        self._frame: Frame | None = None
        self._first_waits = False
        self._released = False
        self._loop = OwnLoop(f"the capture of {url.rpartition('@')[2]}")
        self._loop.start()
        try:
            self._decodings, self._stream = self._loop.run(
                _begin(
                    url,
                    settings or ClientSettings(),
                    {"timeout_s": timeout_s, "decode_in": decode_in},
                )
            )
        except BaseException:
            self._loop.stop()
            raise
        self._first_waits = self.grab()

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        """Whether a frame has come, and `release` was not called.

        It stays true while a camera that was there is away.
        """
        return not self._released and self._first is not None

    def grab(self) -> bool:
        """Take the newest frame that was not taken yet; False where none comes in time."""
        if self._released:
            return False
        if self._first_waits:
            # It came when the capture was opened, and nobody has had it.
            self._first_waits = False
            return True
        frame = self._loop.run(_next(self._stream))
        if frame is None:
            return False
        self._frame = frame
        self._first = self._first or frame
        return True

    def retrieve(self) -> tuple[bool, NDArray[np.uint8] | None]:
        """Return what `grab` took as an array of blue, green and red; decoded already."""
        if self._frame is None or self._released:
            return False, None
        return True, self._frame.array("bgr24")

    def read(self) -> tuple[bool, NDArray[np.uint8] | None]:
        """Take the newest frame and return it; `(False, None)` where none comes in time."""
        return self.retrieve() if self.grab() else (False, None)

    def get(self, prop: int) -> float:
        """Return a property by OpenCV's number; 0 for one that a stream does not have."""
        frame, first = self._frame, self._first
        if frame is None or first is None:
            return 0.0
        passed_s = frame.pts_s - first.pts_s
        told = {
            POS_MSEC: frame.pts_s * 1_000,
            FRAME_WIDTH: float(frame.width),
            FRAME_HEIGHT: float(frame.height),
            FPS: (frame.index - first.index) / passed_s if passed_s > 0 else 0.0,
            BUFFERSIZE: 1.0,
        }
        return told.get(prop, 0.0)

    def set(self, prop: int, value: float) -> bool:
        """Change nothing; True where it is so already, as with a buffer of one frame."""
        return prop == BUFFERSIZE and value == 1

    def getBackendName(self) -> str:  # noqa: N802 - OpenCV's name
        """Return who reads the camera."""
        return "HEADWATER"

    @property
    def timestamp(self) -> datetime | None:
        """When the camera took the frame, by its own sender reports (UTC); None without them."""
        return None if self._frame is None else self._frame.wallclock

    @property
    def gap(self) -> int:
        """How many packets were lost between the frame before and this one."""
        return 0 if self._frame is None else self._frame.gap

    @property
    def skipped(self) -> int:
        """How many frames were passed over since the frame before, for the program was busy."""
        return 0 if self._frame is None else self._frame.skipped

    def release(self) -> None:
        """End it; a second call does nothing."""
        if self._released:
            return
        self._released = True
        self._loop.run(_end(self._decodings, self._stream))
        self._loop.stop()

    def __enter__(self) -> Self:
        """Read for the time of a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.release()


async def _begin(
    url: str, settings: ClientSettings, wishes: FrameArguments
) -> tuple[Decodings, FrameStream[Frame]]:
    return open_frames(url, settings, wishes)


async def _next(stream: FrameStream[Any]) -> Frame | None:
    from headwater.libav.decoding.errors import FramesError

    try:
        return await anext(stream, None)
    except FramesError:
        return None


async def _end(decodings: Decodings, stream: FrameStream[Any]) -> None:
    stream.close()
    decodings.close()
