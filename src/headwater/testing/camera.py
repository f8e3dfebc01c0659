"""`FakeCamera`: a camera on a thread of its own, for tests of every kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar
from urllib.parse import quote

from headwater.testing.fake_camera import sample
from headwater.testing.fake_camera.camera import DEADLINE_S, AsyncFakeCamera
from headwater.testing.fake_camera.credentials import Credentials
from headwater.testing.fake_camera.fault import Fault
from headwater.testing.fake_camera.message import SeenRequest
from headwater.testing.fake_camera.quirk import Quirk
from headwater.testing.fake_camera.session import CameraSession
from headwater.testing.fake_camera.settings import CameraSettings
from headwater.testing.fake_camera.track import Track
from headwater.testing.threaded_peer import ThreadedPeer

M = TypeVar("M")


class FakeCamera(ThreadedPeer):
    """A camera at `url`, from `start` to `stop` or while `with` lasts.

    Its methods may be called from any thread. Everything random about it follows from `seed`.

    Args:
        faults: what it does wrong: faults, quirks of real cameras, or the names of quirks.
        codec: of its pictures: h264, h265 or mjpeg; None leaves them out.
        audio: of its sound: aac, opus, pcma or pcmu; None leaves it out.
        fps: pictures a second; the numbers in the pictures count on by one.
        path: the path of its URL.
        user: whom it lets in, with `password`; without one everybody.
        password: of the user.
        seed: for everything that is random.
        settings: everything else about it.
    """

    def __init__(
        self,
        *faults: Fault | Quirk | str,
        codec: str | None = "h264",
        audio: str | None = None,
        fps: int = sample.RATE_HZ,
        path: str = "/camera",
        user: str = "",
        password: str = "",
        seed: int = 1,
        settings: CameraSettings | None = None,
    ) -> None:
        super().__init__("the fake camera")
        made = settings or CameraSettings(tracks=_tracks(codec, audio, fps), path=path, seed=seed)
        if user:
            made = replace(made, credentials=Credentials(user, password))
        self._login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
        self._camera = AsyncFakeCamera(*faults, settings=made)

    async def _switch_on(self) -> None:
        await self._camera.start()

    async def _switch_off(self) -> None:
        await self._camera.close()

    @property
    def url(self) -> str:
        """Its URL, with user and password where it wants them."""
        return self._camera.url.replace("://", f"://{self._login}", 1)

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        return self._camera.port

    @property
    def settings(self) -> CameraSettings:
        """What it is like, its quirks included."""
        return self._camera.settings

    @property
    def requests(self) -> list[SeenRequest]:
        """The requests that came, oldest first."""
        return list(self._camera.requests)

    @property
    def sessions(self) -> list[CameraSession]:
        """The sessions that were opened, oldest first; `ended` says why one ended."""
        return list(self._camera.sessions)

    @property
    def units_sent(self) -> int:
        """How many pictures and pieces of sound were sent, in all sessions."""
        return self._loop.call(
            lambda: sum(f.units_sent for s in self._camera.sessions for f in s.flows.values())
        )

    def seen(self, method: str) -> list[SeenRequest]:
        """The requests of a method, oldest first."""
        return [request for request in self.requests if request.method == method]

    def wait_for(
        self, method: str, count: int = 1, *, timeout_s: float = DEADLINE_S
    ) -> SeenRequest:
        """Wait for the request of a method with this number; raises `TimeoutError`."""
        return self._loop.run(self._camera.wait_for(method, count, within_s=timeout_s))

    def wait_until(self, holds: Callable[[], bool], *, timeout_s: float = DEADLINE_S) -> None:
        """Wait until something that the camera has seen makes this true; raises `TimeoutError`.

        The function is called on the camera's thread: look at `requests` and `sessions` there.
        """
        self._loop.run(self._camera.wait_until(holds, within_s=timeout_s))

    def fault(self, *faults: Fault | Quirk | str) -> None:
        """From now on these faults instead of the earlier ones; none clears them."""
        self._loop.call(lambda: self._camera.fault(*faults))

    def cut(self) -> None:
        """Cut all connections; new ones are welcome."""
        self._loop.call(self._camera.cut)

    def fall_silent(self) -> None:
        """Keep all connections, answer requests, but send no more media."""
        self._loop.call(self._camera.fall_silent)

    def speak(self) -> None:
        """Send media again, as if time had passed meanwhile."""
        self._loop.call(self._camera.speak)

    def say_bye(self) -> None:
        """Say goodbye by RTCP on every flow, and fall silent."""
        self._loop.call(self._camera.say_bye)

    def renew(self) -> None:
        """Go on in the midst of a session with another SSRC, sequence number and time stamp."""
        self._loop.call(self._camera.renew)

    def switch_off(self) -> None:
        """Cut all connections, and let nobody connect until `switch_on`."""
        self._loop.run(self._camera.close())

    def switch_on(self) -> None:
        """Listen again on the same port."""
        self._loop.run(self._camera.start())

    def restart(self) -> None:
        """Off and on: the same port, another SSRC, sequence number and time stamp."""
        self._loop.run(self._camera.restart())


def _tracks(codec: str | None, audio: str | None, fps: int) -> tuple[Track, ...]:
    tracks: list[Track] = []
    if codec is not None:
        tracks.append(_named(sample.PICTURE_CODECS, codec, "pictures")(fps))
    if audio is not None:
        tracks.append(_named(sample.SOUND_CODECS, audio, "sound")())
    if not tracks:
        raise ValueError("a camera needs a codec for its pictures, or one for its sound")
    return tuple(tracks)


def _named(makers: Mapping[str, M], name: str, what: str) -> M:
    if name not in makers:
        raise ValueError(
            f"no sample of {what} has the name {name!r}; there are {', '.join(makers)}"
        )
    return makers[name]
