"""The pytest plugin: its fixtures, its marker, what it costs, and whose tests it serves."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

CAMERA_TEST = """
import socket

def describe(url):
    host, port = url.removeprefix("rtsp://").partition("/")[0].split(":")
    with socket.create_connection((host, int(port)), 5) as client:
        client.sendall(f"DESCRIBE {url} RTSP/1.0\\r\\nCSeq: 1\\r\\n\\r\\n".encode())
        return client.recv(65_536).decode()
"""


QUICK = ("-p", "no:schemathesis", "-p", "no:hypothesispytest")
"""Without plugins of other tests, which take two seconds to load."""


def passes(pytester: pytest.Pytester, tests: str, *options: str, passed: int = 1) -> None:
    pytester.makepyfile(CAMERA_TEST + tests)
    result = pytester.runpytest_subprocess(
        *QUICK, "-W", "error::pytest.PytestUnraisableExceptionWarning", *options
    )
    result.assert_outcomes(passed=passed)


def test_the_package_announces_it() -> None:
    (found,) = entry_points(group="pytest11", name="headwater")
    assert found.value == "headwater.testing.plugin"


def test_a_camera_is_one_argument(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
def test_reads(rtsp_camera):
    assert "H264/90000" in describe(rtsp_camera.url)
    assert rtsp_camera.wait_for("DESCRIBE").uri == rtsp_camera.url
""",
    )


def test_the_marker_says_what_the_camera_is_like(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
import pytest
from headwater.testing import Reply

pytestmark = pytest.mark.rtsp_camera(codec="mjpeg", audio="opus")

@pytest.mark.rtsp_camera(codec="h265", fps=5, path="/gate")
def test_the_nearest_marker_goes_first(rtsp_camera):
    described = describe(rtsp_camera.url)
    assert "H265/90000" in described and "opus/48000/2" in described
    assert rtsp_camera.url.endswith("/gate")

@pytest.mark.rtsp_camera(faults=[Reply("DESCRIBE", 503)])
def test_faults(rtsp_camera):
    assert describe(rtsp_camera.url).startswith("RTSP/1.0 503")

@pytest.mark.rtsp_camera(faults=["lf-only"])
def test_quirks(rtsp_camera):
    assert "JPEG/90000\\n" in describe(rtsp_camera.url).partition("m=")[2]
""",
        "--strict-markers",
        passed=3,
    )


def test_many_cameras_and_the_server_between_tests(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
def test_two(make_rtsp_camera, rtsp_server):
    one, other = make_rtsp_camera("/one"), make_rtsp_camera("/other", "tcp-only", codec="h265")
    assert one.port != other.port
    rtsp_server.add_source("/cam", one.url)
    assert rtsp_server.wait_for_mount("/cam", 10)

def test_the_next_one_finds_an_empty_server(rtsp_server):
    assert not rtsp_server.mounts

def test_a_device(onvif_device, rtsp_camera):
    assert onvif_device.service_url.startswith("http://127.0.0.1:")
""",
        passed=3,
    )


def test_a_marker_without_names_is_explained(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
import pytest

@pytest.mark.rtsp_camera("h265")
def test_wrong(rtsp_camera):
    pass
"""
    )
    result = pytester.runpytest_subprocess(*QUICK)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*takes names only, such as rtsp_camera(codec='h265')*"])


@pytest.mark.parametrize("options", [("-p", "asyncio", "--asyncio-mode=auto"), ("-n", "2")])
def test_asyncio_and_xdist(pytester: pytest.Pytester, options: tuple[str, ...]) -> None:
    passes(
        pytester,
        """
import asyncio, pytest

@pytest.mark.asyncio
async def test_of_asyncio(rtsp_camera):
    assert "H264" in await asyncio.to_thread(describe, rtsp_camera.url)

@pytest.mark.asyncio
async def test_another(rtsp_camera, rtsp_server):
    assert "H264" in await asyncio.to_thread(describe, rtsp_camera.url)
""",
        *options,
        passed=2,
    )


def test_anyio_and_unittest(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
import unittest
import anyio, pytest
from headwater.testing import FakeCamera

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
async def test_of_anyio(rtsp_camera):
    assert "H264" in await anyio.to_thread.run_sync(describe, rtsp_camera.url)

class OfUnittest(unittest.TestCase):
    def setUp(self):
        self.camera = FakeCamera(codec="h265")
        self.camera.start()
        self.addCleanup(self.camera.stop)

    def test_a_camera(self):
        self.assertIn("H265", describe(self.camera.url))
""",
        "-p",
        "no:asyncio",
        passed=2,
    )


def modules_after(code: str) -> set[str]:
    shown = subprocess.run(
        [sys.executable, "-c", f"import pytest, sys\n{code}\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(shown.stdout.split())


def test_until_a_fixture_is_asked_for_next_to_nothing_is_imported() -> None:
    """Each module costs about a millisecond: count them, for time differs by machine."""
    more = modules_after("import headwater.testing.plugin") - modules_after("")
    assert {name for name in more if name.startswith("headwater")} == {
        "headwater",
        "headwater.version",
        "headwater.testing",
        "headwater.testing.plugin",
    }
    assert len(more) < 10


def test_the_first_camera_needs_no_server() -> None:
    code = "from headwater.testing import FakeCamera\nwith FakeCamera(): pass"
    loaded = {name for name in modules_after(code) if name.startswith("headwater.")}
    rooms = {name.split(".")[1] for name in loaded}
    assert rooms == {"testing", "own_loop", "version"}


def test_the_first_camera_loads_no_fault_that_it_does_not_have() -> None:
    """Each module costs some milliseconds: the first camera is to be there in under 300."""
    code = "from headwater.testing import FakeCamera\nwith FakeCamera(): pass"
    loaded = {name for name in modules_after(code) if name.startswith("headwater.")}
    assert not {name for name in loaded if ".faults" in name or ".quirks" in name}
    assert len(loaded) < 25
    named = code.replace("FakeCamera()", "FakeCamera('tcp-only')")
    assert "headwater.testing.fake_camera.quirks" in modules_after(named)
