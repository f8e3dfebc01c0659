"""What one more browser costs that watches by WebRTC, counted: its packets are its own."""

from __future__ import annotations

import pytest
from films import film
from inside import inside
from meter import CallMeter, opcodes
from published_film import PublishedFilm
from test_batch_costs import NEWER_PYTHON
from web_rig import WebFactory
from webrtc_peer import WebRtcPeer

from headwater.net.kernel_features import probe

H264 = film("h264").rtp
FEW, MANY = 2, 6


@pytest.mark.skipif(not probe().udp_segment, reason="UDP_SEGMENT is of Linux")
async def test_a_picture_takes_a_copy_a_cipher_and_a_send_for_each_viewer(
    start_web: WebFactory,
) -> None:
    web = await start_web()
    published = PublishedFilm(web.server, H264)
    published.show(3)
    peers: list[WebRtcPeer] = []
    meters: list[CallMeter] = []
    counts: list[int] = []
    for count in (FEW, MANY):
        while len(peers) < count:
            peers.append(await WebRtcPeer.watch(web.port, "/front"))
        for peer in peers:
            await peer.until(lambda peer=peer: sum(p[1] >> 7 for p in peer.media) >= 3)
        [view] = inside(web.server).web.webrtc.views
        published.show(1)
        with CallMeter() as meter:
            view._work()
        meters.append(meter)
        published.show(1)
        counts.append(opcodes(view._work))
        for peer in peers:
            came = len(peer.media)
            await peer.until(lambda peer=peer, came=came: len(peer.media) >= came)
    few, many = meters
    more = MANY - FEW
    assert many.system["sendto"] - few.system["sendto"] == more
    assert many.c["memmove"] - few.c["memmove"] == 2 * more
    # Nothing is laid out again: the cipher and the send are what a viewer has for itself.
    assert many.python["Layout.of"] == few.python["Layout.of"] == 1
    assert (many.python_calls - few.python_calls) / more <= 15  # 13
    assert (counts[1] - counts[0]) / more <= 520 * NEWER_PYTHON  # 465
    for peer in peers:
        await peer.close()
