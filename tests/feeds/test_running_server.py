"""A feed of a running server: what a program publishes there comes as pictures."""

from __future__ import annotations

import asyncio

from films import annex_b, decoded, film
from inside import inside
from udp_peer import wait_for

from headwater import RtspServer
from headwater.feeds.fed_unit import FedUnit
from headwater.feeds.mount_feeds import MountFeeds
from headwater.protocol.sdp import SessionDescription

SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=film\nt=0 0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"


async def test_pictures_of_a_mount_until_it_closes(server: RtspServer) -> None:
    shown = film("h264")
    relay = inside(server).relay
    feeds = MountFeeds.of(relay)
    publisher = server.publish("/film", SessionDescription.parse(SDP))
    mount = relay.mounts.get("/film")
    assert mount is not None
    publisher.publish(0, shown.rtp[:40])
    got: list[FedUnit] = []
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    feeds.take(mount, got.append, on_end=ended.set_result)
    later: list[FedUnit] = []
    publisher.publish(0, shown.rtp[40:])
    await wait_for(lambda: len(got) == len(shown.packets))
    tap = feeds.take(mount, later.append)
    await wait_for(lambda: len(later) == 4)
    assert [fed.unit for fed in later] == [fed.unit for fed in got[20:]]
    assert decoded("h264", [annex_b(fed.unit.units) for fed in got]) == list(shown.pictures)
    tap.close()
    # Nobody sees more of it than a reader of the mount.
    (reader,) = server.mounts["/film"].readers
    assert reader.user_agent == "access units"
    publisher.close("film is over")
    await server.close_mount("/film", "over")
    assert await ended == "over"
    assert len(feeds) == 0
