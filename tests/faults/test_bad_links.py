"""Loss, reorder, duplicates, delay, a narrow link, a cut one: no worse than the network itself."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from far_peers import Publisher, Reader
from faulty_link import FaultyLink
from rtsp_peer import TcpReader
from steady_stream import ffmpeg, make_clip

from headwater import RtspServer
from headwater.media.key_frame import key_frame_detector

if TYPE_CHECKING:
    from conftest import Told

pytestmark = [pytest.mark.netns, pytest.mark.timeout(120)]

PACKETS = 400
LINKS: dict[str, dict[str, float]] = {
    "loss": {"loss": 0.05},
    # Of 400 packets none is lost once in 200,000 runs.
    "bursty loss": {"loss": 0.03, "loss_goes_on": 0.7},
    "reorder": {"reorder": 0.25},
    "duplicates": {"duplicates": 0.2},
    "delay": {"delay_s": 0.06, "jitter_s": 0.02},
    "rate": {"bits_per_s": 2e6},
    "all of it": {
        "delay_s": 0.02,
        "jitter_s": 0.01,
        "loss": 0.02,
        "duplicates": 0.02,
        "reorder": 0.2,
    },
}
LINK = pytest.mark.parametrize("fault", LINKS.values(), ids=LINKS.keys())


@dataclass
class Ends:
    """A publisher and its reader, one of them behind the link."""

    publisher: Publisher
    reader: Reader

    async def begin(self, packets: int) -> None:
        """Send the first packets and see the last of them come."""
        await self.publisher.send(packets)
        await self.reader.until(packets - 1)

    async def outlive_an_outage(self, link: FaultyLink) -> None:
        """100 packets, 300 while the link is down, 1,000 when it is up again."""
        await self.begin(100)
        link.down()
        await self.publisher.send(300)
        link.up()
        sending = asyncio.create_task(self.publisher.send(1000, every_s=0.01))
        await self.reader.until(500)
        await sending


@pytest.fixture(params=[False, True], ids=["udp", "tcp"])
def over_tcp(request: pytest.FixtureRequest) -> bool:
    """How the end behind the link is connected; the other one is over TCP."""
    return bool(request.param)


@pytest.fixture
async def far_reader(server: RtspServer, link: FaultyLink, over_tcp: bool) -> AsyncIterator[Ends]:
    port = server.publish_port
    publisher = await Publisher.start(None, port, "/a", over_tcp=True)
    reader = await Reader.start(link, port, "/a", over_tcp=over_tcp)
    yield Ends(publisher, reader)
    await reader.stop()


@pytest.fixture
async def far_publisher(
    server: RtspServer, link: FaultyLink, over_tcp: bool
) -> AsyncIterator[Ends]:
    port = server.publish_port
    publisher = await Publisher.start(link, port, "/a", over_tcp=over_tcp)
    reader = await Reader.start(None, port, "/a", over_tcp=True)
    yield Ends(publisher, reader)
    await reader.stop()


@LINK
async def test_a_reader_behind_a_bad_link(
    far_reader: Ends, link: FaultyLink, fault: dict[str, float], over_tcp: bool
) -> None:
    link.impair(fault)
    await send_all_through(far_reader, over_tcp=over_tcp)
    hold_to_account(far_reader.reader, link.dropped[0], over_tcp=over_tcp, fault=fault)


@LINK
async def test_a_publisher_behind_a_bad_link(
    server: RtspServer,
    far_publisher: Ends,
    link: FaultyLink,
    fault: dict[str, float],
    over_tcp: bool,
) -> None:
    reader = far_publisher.reader
    link.impair(fault)
    await send_all_through(far_publisher, over_tcp=over_tcp)
    hold_to_account(reader, link.dropped[1], over_tcp=over_tcp, fault=fault)
    (track,) = server.mounts["/a"].tracks
    assert track.packets == len(reader.numbers), "all that came in went out"


async def send_all_through(ends: Ends, *, over_tcp: bool) -> None:
    """Send all packets, until all of them that come have come.

    A pause alone tells nothing: TCP waits longer for what it sends again, and so does whoever has
    no processor.
    """
    publisher, reader = ends.publisher, ends.reader
    await publisher.send(PACKETS)
    if over_tcp:
        await reader.until(PACKETS - 1)
        return
    async with asyncio.timeout(30):
        while max(reader.numbers, default=0) < PACKETS:
            await publisher.send(1, every_s=0.05)
    await reader.settle()


def hold_to_account(
    reader: Reader, dropped: int, *, over_tcp: bool, fault: dict[str, float]
) -> None:
    """What is missing was dropped by the link, and TCP hides what the link did."""
    assert reader.damaged == 0
    numbers = [number for number in reader.numbers if number < PACKETS]
    missing = set(range(PACKETS)) - set(numbers)
    if over_tcp:
        assert numbers == list(range(PACKETS))
        return
    assert len(missing) <= dropped
    if "loss" in fault:
        assert missing, "the link was meant to lose some"
    else:
        assert not missing
    if not {"reorder", "jitter_s"} & fault.keys():
        assert numbers == sorted(numbers), "the server changes no order"


async def test_the_readers_link_goes_down_and_up(
    server: RtspServer, far_reader: Ends, link: FaultyLink
) -> None:
    beside = await Reader.start(None, server.play_port, "/a", over_tcp=True)
    await far_reader.outlive_an_outage(link)
    await beside.until(1399)
    assert far_reader.reader.numbers == sorted(far_reader.reader.numbers)
    assert beside.numbers == list(range(1400)), "the others notice nothing"
    await beside.stop()


async def test_the_publishers_link_goes_down_and_up(
    far_publisher: Ends, link: FaultyLink, over_tcp: bool
) -> None:
    await far_publisher.outlive_an_outage(link)
    reader = far_publisher.reader
    await reader.settle()
    if over_tcp:
        assert reader.numbers == list(range(1400))
    else:
        assert {*range(100), *range(1300, 1400)} <= set(reader.numbers)


@pytest.mark.parametrize("patience_s", [8.0])
async def test_a_reader_that_is_cut_off_for_good(
    server: RtspServer, told: Told, far_reader: Ends, link: FaultyLink
) -> None:
    await far_reader.begin(20)
    link.down()
    # Large packets, so that the kernel's buffers are full before long.
    sending = asyncio.create_task(
        far_reader.publisher.send(8000, every_s=0.005, payload_bytes=8000)
    )
    async with asyncio.timeout(40):
        await told.left.wait()
    sending.cancel()
    assert server.mounts["/a"].readers == ()
    assert len(server.sessions) == 1


@pytest.mark.parametrize("patience_s", [8.0])
async def test_a_publisher_that_is_cut_off_for_good(
    server: RtspServer, told: Told, far_publisher: Ends, link: FaultyLink
) -> None:
    await far_publisher.begin(20)
    link.down()
    async with asyncio.timeout(40):
        await told.unmounted.wait()
        await told.left.wait()
    assert not server.mounts
    assert not server.sessions
    assert server.udp_pairs_in_use == 0


async def see_key_frame(server: RtspServer, path: str) -> None:
    """Until a reader over TCP has seen the first packet of a key frame."""
    reader = await TcpReader.start(server.play_port, server.play_url(path))
    (track,) = server.mounts[path].tracks
    detector = key_frame_detector(track.encoding)
    assert detector is not None
    channel, packet = await reader.peer.frame()
    while channel or not detector.starts(packet):
        channel, packet = await reader.peer.frame()
    await reader.peer.close()


@pytest.mark.parametrize(
    ("transport", "fault"),
    [("tcp", LINKS["all of it"]), ("udp", LINKS["reorder"])],
    ids=["tcp, all of it", "udp, reorder"],
)
async def test_ffmpeg_decodes_behind_a_bad_link(
    server: RtspServer,
    told: Told,
    link: FaultyLink,
    tmp_path: Path,
    transport: str,
    fault: dict[str, float],
) -> None:
    """Nothing is lost on these links, so every picture must decode, one like the other."""
    if ffmpeg() is None:
        pytest.skip("ffmpeg is not installed")
    url = f"rtsp://{link.near}:{server.publish_port}/clip"
    clip = await asyncio.to_thread(make_clip, tmp_path)
    publisher = await asyncio.create_subprocess_exec(
        "ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(clip),
        "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", url,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(20):
            await told.published.wait()
            await see_key_frame(server, "/clip")
        link.impair(fault)
        reader = await asyncio.create_subprocess_exec(
            "ip", "netns", "exec", link.name,
            "ffprobe", "-v", "error", "-rtsp_transport", transport, "-read_intervals", "%+#100",
            "-show_frames", "-show_entries", "frame=key_frame,pict_type", "-of", "json", url,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(60):
            output, errors = await reader.communicate()
    finally:
        publisher.terminate()
        await publisher.wait()
    frames = json.loads(output)["frames"]
    assert len(frames) >= 95, errors
    assert errors == b""
