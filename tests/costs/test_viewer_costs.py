"""What one more browser costs that watches by WebRTC, counted: its packets are its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from films import film
from inside import inside
from meter import CallMeter, opcodes
from published_film import PublishedFilm
from test_batch_costs import NEWER_PYTHON
from web_rig import WebFactory
from webrtc_peer import WebRtcPeer

from headwater.net.datagram_vector import MOST_SLOTS
from headwater.net.kernel_features import probe
from headwater.webrtc.srtp import ARENA

pytestmark = [
    pytest.mark.skipif(not probe().udp_segment, reason="UDP_SEGMENT is of Linux"),
    pytest.mark.skipif(ARENA is None, reason="pylibsrtp has other names"),
]
H264 = film("h264").rtp

Metered = tuple[CallMeter, int]
Audience = Callable[[int], Awaitable[Metered]]


@pytest.fixture
async def audience(vector_sends: list[int], start_web: WebFactory) -> AsyncIterator[Audience]:
    """Has so many watch; returns the calls and the instructions that a picture takes for them.

    `vector_sends` then tells how that of the calls was sent.
    """
    everybody: list[WebRtcPeer] = []

    async def watched(count: int) -> Metered:
        # Each time the same pictures are looked at.
        web = await start_web()
        published = PublishedFilm(web.server, H264)
        published.show(3)
        peers = [await WebRtcPeer.watch(web.port, "/front") for _ in range(count)]
        everybody.extend(peers)

        async def all_have_all() -> None:
            for peer in peers:
                await peer.until(lambda peer=peer: published.last_came(peer.media))

        await all_have_all()
        [view] = inside(web.server).web.webrtc.views
        published.show(1)
        view._work()
        vector_sends.clear()
        published.show(1)
        with CallMeter() as meter:
            view._work()
        sends = tuple(vector_sends)
        published.show(1)
        instructions = opcodes(view._work)
        await all_have_all()
        vector_sends[:] = sends
        return meter, instructions

    yield watched
    for peer in everybody:
        await peer.close()


async def test_who_is_sent_to_together_costs_no_call_and_few_instructions(
    audience: Audience, vector_sends: list[int]
) -> None:
    few, few_instructions = await audience(4)
    assert vector_sends == [4]
    many, many_instructions = await audience(MOST_SLOTS)
    assert vector_sends == [MOST_SLOTS]
    # A copy, a cipher and an entry of the system call are what each has for itself: all in C.
    assert many.python == few.python
    assert many.python["Layout.of"] == 1
    assert many.system["sendto"] == 0
    more = MOST_SLOTS - 4
    assert (many_instructions - few_instructions) / more <= 58 * NEWER_PYTHON  # 52


async def test_those_who_come_next_find_all_made(
    audience: Audience, vector_sends: list[int]
) -> None:
    one, one_instructions = await audience(MOST_SLOTS)
    two, two_instructions = await audience(2 * MOST_SLOTS)
    assert vector_sends == [MOST_SLOTS, MOST_SLOTS]
    assert two.python_calls - one.python_calls <= 9  # 8
    assert (two_instructions - one_instructions) / MOST_SLOTS <= 40 * NEWER_PYTHON  # 36


async def test_who_is_sent_to_alone_has_a_copy_a_cipher_and_a_send(audience: Audience) -> None:
    two, two_instructions = await audience(2)
    three, three_instructions = await audience(3)
    assert three.system["sendto"] - two.system["sendto"] == 1
    # Nothing is laid out again.
    assert three.python["Layout.of"] == two.python["Layout.of"] == 1
    assert three.python_calls - two.python_calls <= 19  # 18
    assert three_instructions - two_instructions <= 520 * NEWER_PYTHON  # 479
