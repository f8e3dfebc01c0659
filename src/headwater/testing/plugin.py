"""The pytest plugin: `rtsp_camera`, `make_rtsp_camera`, `rtsp_server`, `onvif_device`.

Nothing of Headwater's is imported until a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from headwater.config.settings import Settings
    from headwater.testing.camera import FakeCamera
    from headwater.testing.device import FakeOnvifDevice
    from headwater.testing.fake_camera.fault import Fault
    from headwater.testing.fake_camera.quirk import Quirk
    from headwater.testing.server import TestServer


class MakesCameras(Protocol):
    """What `make_rtsp_camera` is."""

    def __call__(
        self, path: str = "/camera", *faults: Fault | Quirk | str, **options: Any
    ) -> FakeCamera:
        """Return a camera that plays; the options are those of `FakeCamera`."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "rtsp_camera(codec='h264', audio=None, fps=25, faults=[...], ...): what the fixture "
        "rtsp_camera of this test is like; the arguments of headwater.testing.FakeCamera",
    )


@pytest.fixture
def make_rtsp_camera() -> Iterator[MakesCameras]:
    """Make fake cameras; all of them are switched off when the test is over."""
    from headwater.testing.camera import FakeCamera

    with ExitStack() as cameras:

        def make(path: str = "/camera", *faults: Fault | Quirk | str, **options: Any) -> FakeCamera:
            return cameras.enter_context(FakeCamera(*faults, path=path, **options))

        yield make


@pytest.fixture
def rtsp_camera(request: pytest.FixtureRequest, make_rtsp_camera: MakesCameras) -> FakeCamera:
    """Play a fake camera, as the marker rtsp_camera of the test, its class and module wants it."""
    wishes: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("rtsp_camera"))):
        if marker.args:
            raise pytest.UsageError(
                "the marker rtsp_camera takes names only, such as rtsp_camera(codec='h265')"
            )
        wishes |= marker.kwargs
    faults = wishes.pop("faults", ())
    return make_rtsp_camera(wishes.pop("path", "/camera"), *faults, **wishes)


@pytest.fixture(scope="session")
def rtsp_server_settings() -> Settings | None:
    """Override this for a server with other settings."""
    return None


@pytest.fixture(scope="session")
def rtsp_server_session(rtsp_server_settings: Settings | None) -> Iterator[TestServer]:
    """Run one server for all tests."""
    from headwater.testing.server import TestServer

    with TestServer(settings=rtsp_server_settings) as server:
        yield server


@pytest.fixture
def rtsp_server(rtsp_server_session: TestServer) -> Iterator[TestServer]:
    """Lend the server of all tests, empty, to this one."""
    yield rtsp_server_session
    rtsp_server_session.clear()


@pytest.fixture
def onvif_device(rtsp_camera: FakeCamera) -> Iterator[FakeOnvifDevice]:
    """Run an ONVIF device whose one profile is the stream of `rtsp_camera`."""
    from headwater.testing.device import FakeOnvifDevice, profile_of
    from headwater.testing.fake_camera.sample import HEIGHT, WIDTH

    settings = rtsp_camera.settings
    encoding = settings.tracks[0].encoding.partition("/")[0]
    profile = profile_of(
        rtsp_camera.port, settings.path, encoding=encoding, width=WIDTH, height=HEIGHT
    )
    login = settings.credentials
    user, password = (login.user, login.password) if login is not None else ("", "")
    with FakeOnvifDevice(user=user, password=password, profiles=(profile,)) as device:
        yield device
