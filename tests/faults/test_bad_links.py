"""Loss, reorder, duplicates, delay, a narrow link, a cut one: no worse than the network itself."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
from far_peers import Publisher, Reader
from faulty_link import FaultyLink
from steady_stream import ffmpeg, make_clip

from headwater import RtspServer

pytestmark = [pytest.mark.netns, pytest.mark.timeout(120)]

PACKETS = 400
LINKS: dict[str, dict[str, float]] = {
    "loss": {"loss": 0.05},
    "bursty loss": {"loss": 0.01, "loss_goes_on": 0.7},
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
TCP = pytest.mark.parametrize("over_tcp", [False, True], ids=["udp", "tcp"])
LINK = pytest.mark.parametrize("fault", LINKS.values(), ids=LINKS.keys())


@LINK
@TCP
async def test_a_reader_behind_a_bad_link(
    server: RtspServer, link: FaultyLink, fault: dict[str, float], over_tcp: bool
) -> None:
    publisher = await Publisher.start(None, server.publish_port, "/a", over_tcp=True)
    reader = await Reader.start(link, server.play_port, "/a", over_tcp=over_tcp)
    link.impair(fault)
    await publisher.send(PACKETS)
    await reader.settle()
    await reader.stop()
    hold_to_account(reader, link.dropped[0], over_tcp=over_tcp, fault=fault)


@LINK
@TCP
async def test_a_publisher_behind_a_bad_link(
    server: RtspServer, link: FaultyLink, fault: dict[str, float], over_tcp: bool
) -> None:
    publisher = await Publisher.start(link, server.publish_port, "/a", over_tcp=over_tcp)
    reader = await Reader.start(None, server.play_port, "/a", over_tcp=True)
    link.impair(fault)
    await publisher.send(PACKETS)
    await reader.settle()
    await reader.stop()
    hold_to_account(reader, link.dropped[1], over_tcp=over_tcp, fault=fault)
    (track,) = server.mounts["/a"].tracks
    assert track.packets == len(reader.numbers), "all that came in went out"


def hold_to_account(
    reader: Reader, dropped: int, *, over_tcp: bool, fault: dict[str, float]
) -> None:
    """What is missing was dropped by the link, and TCP hides what the link did."""
    assert reader.damaged == 0
    missing = set(range(PACKETS)) - set(reader.numbers)
    if over_tcp:
        assert reader.numbers == list(range(PACKETS))
        return
    assert len(missing) <= dropped
    if "loss" in fault:
        assert missing, "the link was meant to lose some"
    else:
        assert not missing
    if not {"reorder", "jitter_s"} & fault.keys():
        assert reader.numbers == sorted(reader.numbers), "the server changes no order"


@TCP
async def test_the_readers_link_goes_down_and_up(
    server: RtspServer, link: FaultyLink, over_tcp: bool
) -> None:
    publisher = await Publisher.start(None, server.publish_port, "/a", over_tcp=True)
    beside = await Reader.start(None, server.play_port, "/a", over_tcp=True)
    reader = await Reader.start(link, server.play_port, "/a", over_tcp=over_tcp)
    await publisher.send(100)
    await reader.until(99)
    link.down()
    await publisher.send(300)
    link.up()
    sending = asyncio.create_task(publisher.send(1000, every_s=0.01))
    await reader.until(500)
    await sending
    await beside.until(1399)
    assert reader.numbers == sorted(reader.numbers)
    assert beside.numbers == list(range(1400)), "the others notice nothing"
    await reader.stop()
    await beside.stop()


@TCP
async def test_the_publishers_link_goes_down_and_up(
    server: RtspServer, link: FaultyLink, over_tcp: bool
) -> None:
    publisher = await Publisher.start(link, server.publish_port, "/a", over_tcp=over_tcp)
    reader = await Reader.start(None, server.play_port, "/a", over_tcp=True)
    await publisher.send(100)
    await reader.until(99)
    link.down()
    await publisher.send(300)
    link.up()
    sending = asyncio.create_task(publisher.send(1000, every_s=0.01))
    await reader.until(500)
    await sending
    await reader.settle()
    await reader.stop()
    if over_tcp:
        assert reader.numbers == list(range(1400))
    else:
        assert {*range(100), *range(1300, 1400)} <= set(reader.numbers)


@TCP
async def test_a_reader_that_is_cut_off_for_good(
    server: RtspServer, link: FaultyLink, over_tcp: bool
) -> None:
    publisher = await Publisher.start(None, server.publish_port, "/a", over_tcp=True)
    reader = await Reader.start(link, server.play_port, "/a", over_tcp=over_tcp)
    await publisher.send(20)
    await reader.until(19)
    link.down()
    async with asyncio.timeout(40):
        while len(server.sessions) > 1:
            # Large packets, so that the kernel's buffers are full before long.
            await publisher.send(20, every_s=0.005, payload_bytes=8000)
    assert server.mounts["/a"].readers == ()
    await reader.stop()


@TCP
async def test_a_publisher_that_is_cut_off_for_good(
    server: RtspServer, link: FaultyLink, over_tcp: bool
) -> None:
    publisher = await Publisher.start(link, server.publish_port, "/a", over_tcp=over_tcp)
    reader = await Reader.start(None, server.play_port, "/a", over_tcp=True)
    await publisher.send(20)
    await reader.until(19)
    link.down()
    async with asyncio.timeout(40):
        while server.sessions or server.mounts:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.05)
    assert server.udp_pairs_in_use == 0
    await reader.stop()


def has_key_frame(server: RtspServer) -> bool:
    mount = server.mounts.get("/clip")
    return mount is not None and mount.tracks[0].key_frames > 0


@pytest.mark.parametrize(
    ("transport", "fault"),
    [("tcp", LINKS["all of it"]), ("udp", LINKS["reorder"])],
    ids=["tcp, all of it", "udp, reorder"],
)
async def test_ffmpeg_decodes_behind_a_bad_link(
    server: RtspServer, link: FaultyLink, tmp_path: Path, transport: str, fault: dict[str, float]
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
            while not has_key_frame(server):  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.05)
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
