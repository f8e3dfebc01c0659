"""An encoder that makes key frames only when asked, and readers that ask over each transport.

GStreamer hands a PLI to its encoder where it publishes over UDP. Over TCP rtspclientsink throws
away what the server sends on the connection; that publishers are asked there too is shown with a
peer of our own in tests/server/test_key_frame_requests.py.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from clients.client import Program
from multicast_peer import group_member
from own_ports import own_port
from rtsp_peer import RtspPeer, frame
from udp_peer import UdpPair, port_from, wait_for

from headwater import MountSettings, RtspServer, Settings
from headwater.protocol.rtcp_build import full_intra_request, picture_loss_indication
from headwater.protocol.rtp import payload_offset

pytestmark = [pytest.mark.interop, pytest.mark.timeout(90)]

GROUP, PORT = "239.255.77.8", own_port(540)
SSRC = 0x7EAD
MOUNTS = MountSettings(
    multicast_group=GROUP,
    multicast_port_start=PORT,
    multicast_ttl=0,
    multicast_interface="127.0.0.1",
)
# Ten minutes between two key frames, if nobody asks.
ENCODER = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15000 bitrate=300"
DEADLINE_S = 20.0

NextPacket = Callable[[], Awaitable[bytes]]
SendRtcp = Callable[[bytes], Awaitable[None]]
Reader = tuple[NextPacket, SendRtcp]


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Closes every socket of the readers."""
    with ExitStack() as stack:
        stack.callback(UdpPair.close_all)
        stack.callback(RtspPeer.forget_all)
        yield stack


async def over_tcp(server: RtspServer, _opened: ExitStack) -> Reader:
    """Play interleaved, beginning with the next packet."""
    peer, _ = await playing(server, "RTP/AVP/TCP;unicast;interleaved=0-1")

    async def packet() -> bytes:
        while True:
            channel, data = await peer.frame()
            if channel == 0:
                return data

    async def send(rtcp: bytes) -> None:
        await peer.send(frame(1, rtcp))

    return packet, send


async def over_udp(server: RtspServer, _opened: ExitStack) -> Reader:
    """Play on a pair of ports, beginning with the next packet."""
    pair = UdpPair()
    _, port = await playing(server, f"RTP/AVP;unicast;{pair.client_port}")

    async def send(rtcp: bytes) -> None:
        pair.rtcp.sendto(rtcp, ("127.0.0.1", port + 1))

    return pair.packet, send


async def by_multicast(server: RtspServer, opened: ExitStack) -> Reader:
    """Play as a member of the group; it has no other beginning than the next packet."""
    try:
        member = opened.enter_context(group_member(GROUP, PORT))
    except OSError as error:
        pytest.skip(f"no multicast on this machine's loopback: {error}")
    sender = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    await playing(server, "RTP/AVP;multicast")

    async def packet() -> bytes:
        return await asyncio.get_running_loop().sock_recv(member, 65_536)

    async def send(rtcp: bytes) -> None:
        sender.sendto(rtcp, (GROUP, PORT + 1))

    return packet, send


async def playing(server: RtspServer, transport: str) -> tuple[RtspPeer, int]:
    """Set up and play the first track; return the connection and the server's port, 0 for none."""
    peer = await RtspPeer.connect(server.play_port)
    url = server.play_url("/a") + "?instant_start=0"
    setup = await peer.ask("SETUP", f"{url}/trackID=0", {"Transport": transport})
    assert setup.status == 200, setup
    play = await peer.ask("PLAY", url, {"Session": setup.session})
    assert play.status == 200, play
    return peer, port_from(setup, "server_port") if "server_port" in str(setup.headers) else 0


def begins_key_frame(packet: bytes) -> bool:
    """Whether an IDR slice is in it or begins in it (RFC 6184 §5.6 to 5.8)."""
    unit = packet[payload_offset(packet) :]
    kind = unit[0] & 0x1F
    return kind == 5 or (kind == 28 and unit[1] & 0x9F == 0x85)


async def pictures_until_key_frame(packet: NextPacket) -> int:
    """Read the next key frame to its end; return how many pictures came before it."""
    pictures, is_key = 0, False
    async with asyncio.timeout(DEADLINE_S):
        while True:
            got = await packet()
            is_key = is_key or begins_key_frame(got)
            if got[1] >> 7:
                if is_key:
                    return pictures
                pictures += 1


@pytest.mark.parametrize("read", [over_tcp, over_udp, by_multicast])
async def test_gstreamer_answers_readers_with_key_frames(
    read: Callable[[RtspServer, ExitStack], Awaitable[Reader]], tmp_path: Path, opened: ExitStack
) -> None:
    async with RtspServer(
        host="127.0.0.1", publish_port=0, rtp_port_start=43_600, settings=Settings(mounts=MOUNTS)
    ) as server:
        pipeline = (
            "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! "
            f"{ENCODER} ! rtspclientsink protocols=udp location={server.publish_url('/a')}"
        )
        program = Program(["gst-launch-1.0", *pipeline.split()], tmp_path / "gstreamer.log")
        try:
            await server.wait_for_mount("/a", DEADLINE_S)
            # Far behind its first key frame, which would do for a reader that begins then.
            await wait_for(lambda: server.mounts["/a"].tracks[0].packets > 100)
            packet, send = await read(server, opened)
            # It begins without a kept key frame, so that one is asked for.
            await pictures_until_key_frame(packet)
            track = server.mounts["/a"].tracks[0]
            assert track.key_frame_requests == 1
            for request in (
                picture_loss_indication(1, SSRC, cname="reader"),
                full_intra_request(1, SSRC, 1, cname="reader"),
            ):
                before = track.key_frame_requests
                await send(request)
                # A second at most until it may be asked, and one until the upkeep does it.
                assert await pictures_until_key_frame(packet) < 100
                track = server.mounts["/a"].tracks[0]
                assert track.key_frame_requests == before + 1
        finally:
            program.interrupt()
