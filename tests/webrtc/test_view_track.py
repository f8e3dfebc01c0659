"""What browsers get of a track whose packets come mixed up, or not at all."""

from __future__ import annotations

import pytest
from films import film
from inside import inside
from published_film import PublishedFilm
from server_rig import LoopClock
from waiting import holds
from web_rig import WebFactory, WebServer
from webrtc_peer import WebRtcPeer

from headwater import MountSettings
from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.h264.depacketizer import H264Depacketizer

H264 = film("h264", 48).rtp


@pytest.fixture
async def web(start_web: WebFactory) -> WebServer:
    """A server that waits for its publisher while a test lets time pass."""
    return await start_web(settings={"mounts": MountSettings(publisher_idle_timeout_s=0)})


def pictures(peer: WebRtcPeer) -> list[AccessUnit]:
    depacketizer = H264Depacketizer()
    return [unit for packet in peer.media for unit in depacketizer.feed(packet)]


async def test_packets_that_overtake_each_other_cost_no_picture(web: WebServer) -> None:
    published = PublishedFilm(web.server, H264)
    published.show(2)
    peer = await WebRtcPeer.watch(web.port, "/front")
    mixed = [packet for picture in published._pictures[2:] for packet in picture]
    for place in range(1, len(mixed) - 3, 5):
        mixed[place : place + 3] = reversed(mixed[place : place + 3])
    for packet in mixed:
        published.publisher.publish(0, [packet])
    await peer.until(lambda: len(pictures(peer)) == 48)
    [view] = inside(web.server).web.webrtc.views
    assert view.tracks[0]._order.overtaken > len(mixed) // 6
    expected = H264Depacketizer()
    sent = [unit.units for packet in H264 for unit in expected.feed(packet)]
    assert [unit.units for unit in pictures(peer)] == sent
    await peer.close()


async def test_a_loss_asks_the_publisher_for_a_key_frame(web: WebServer, clock: LoopClock) -> None:
    published = PublishedFilm(web.server, H264)
    published.show(2)
    peer = await WebRtcPeer.watch(web.port, "/front")
    await peer.until(lambda: len(pictures(peer)) == 2)
    published.wanted.clear()
    # The last request, if there was one, is more than a second ago.
    clock.advance(2)
    published.position += 1
    published.show(1)
    # What is behind a gap waits a moment for what may still come.
    clock.advance(1)
    published.show(1)
    await holds(lambda: published.wanted)
    assert published.wanted == [0]
    await peer.close()
