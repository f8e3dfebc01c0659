"""A publisher that comes back before the server has read the end of its last connection."""

from __future__ import annotations

import os
import socket

import pytest
from rtsp_peer import SDP_VIDEO, RtspPeer, TcpPublisher, frame, rtp

from headwater import RtspServer

ANNOUNCED = {"Content-Type": "application/sdp"}


def send_much(sock: socket.socket) -> None:
    """Send more than the server reads in one turn, without its turn."""
    burst = b"".join(frame(0, rtp(number)) for number in range(5000))
    assert os.write(sock.fileno(), burst) == len(burst)


@pytest.mark.parametrize("records", [True, False], ids=["recorded", "announced alone"])
async def test_its_own_past_does_not_refuse_it(server: RtspServer, records: bool) -> None:
    url = server.publish_url("/cam")
    if records:
        first = (await TcpPublisher.start(server.publish_port, url)).peer
    else:
        first = await RtspPeer.connect(server.publish_port)
        assert (await first.ask("ANNOUNCE", url, ANNOUNCED, SDP_VIDEO)).status == 200
    again = await RtspPeer.connect(server.publish_port)
    # Both in one step of this loop, which is the server's as well: it has read nothing between.
    if records:
        send_much(first.transport.get_extra_info("socket"))
    first.transport.abort()
    await again.send(again.request("ANNOUNCE", url, ANNOUNCED, SDP_VIDEO))
    assert (await again.answer()).status == 200


async def test_one_that_stays_keeps_its_mount(server: RtspServer) -> None:
    url = server.publish_url("/cam")
    publisher = await TcpPublisher.start(server.publish_port, url)
    other = await RtspPeer.connect(server.publish_port)
    refused = await other.ask("ANNOUNCE", url, ANNOUNCED, SDP_VIDEO)
    assert (refused.status, refused.body) == (503, b"/cam has a publisher already\r\n")
    await publisher.send()
