"""Viewers who are served together get what each would get alone, whatever one of them does."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from films import film
from inside import inside
from published_film import PublishedFilm
from web_rig import WebServer
from webrtc_peer import WebRtcPeer, nack, numbers, ssrc

from headwater.net.kernel_features import probe
from headwater.protocol.rtcp_build import picture_loss_indication
from headwater.webrtc.mount_view import MountView
from headwater.webrtc.rows import MOST_QUEUED_BYTES, Row
from headwater.webrtc.srtp import ARENA
from headwater.webrtc.srtp_arena import Arena

pytestmark = pytest.mark.skipif(not probe().udp_segment, reason="UDP_SEGMENT is of Linux")

GCM, HMAC = b"SRTP_AEAD_AES_128_GCM", b"SRTP_AES128_CM_SHA1_80"


class Crowd:
    """A film, and peers that watch it."""

    def __init__(self, web: WebServer) -> None:
        self.web = web
        self.published = PublishedFilm(web.server, film("h264").rtp)
        self.published.show(3)
        self.peers: list[WebRtcPeer] = []

    async def join(self, count: int, **arguments: Any) -> None:
        """Have further peers watch."""
        for _ in range(count):
            self.peers.append(await WebRtcPeer.watch(self.web.port, "/front", **arguments))
        await self.all_have_all()

    async def all_have_all(self) -> None:
        """Wait until every peer has every picture that was shown since its key frame."""
        for peer in self.peers:
            await peer.until(lambda peer=peer: self.published.last_came(peer.media))

    async def show(self, count: int = 1) -> None:
        """Show pictures, and wait for them."""
        self.published.show(count)
        await self.all_have_all()

    @property
    def view(self) -> MountView:
        """What the server makes for them."""
        [view] = inside(self.web.server).web.webrtc.views
        return view

    @property
    def rows(self) -> tuple[list[int], int]:
        """The lengths of the rows that the last picture went by, and how many got it alone."""
        rows, alone = self.view._order[0]
        return sorted(len(row.viewers) for row in rows), len(alone)

    def require_whole(self) -> None:
        """Check that nobody missed or got anything that others did not."""
        first = self.peers[0].media
        for peer in self.peers:
            assert [packet[2:] for packet in peer.media] == [packet[2:] for packet in first]
            steps = [b - a & 0xFFFF for a, b in itertools.pairwise(numbers(peer.media))]
            assert set(steps) == {1}

    async def close(self) -> None:
        """Let all go."""
        for peer in self.peers:
            await peer.close()


async def test_rows_are_of_those_who_get_the_same_by_one_socket(web: WebServer) -> None:
    crowd = Crowd(web)
    await crowd.join(6, profiles=GCM)
    await crowd.join(4, profiles=HMAC)
    await crowd.join(1, tcp=True)
    await crowd.show(2)
    assert crowd.rows == ([4, 6], 1)
    crowd.require_whole()
    viewers = inside(web.server).web.webrtc.viewers
    assert {viewer.sent_packets for viewer in viewers} == {len(crowd.peers[0].media)}
    await crowd.close()


async def test_a_few_are_sent_to_one_by_one(web: WebServer) -> None:
    crowd = Crowd(web)
    await crowd.join(3)
    await crowd.show(2)
    assert crowd.rows == ([], 3)
    crowd.require_whole()
    await crowd.close()


async def test_more_than_fit_the_arena_at_once(web: WebServer) -> None:
    crowd = Crowd(web)
    await crowd.join(19)
    await crowd.show(3)
    assert crowd.rows == ([19], 0)
    crowd.require_whole()
    await crowd.close()


async def test_who_asks_again_leaves_the_row_and_comes_back(web: WebServer) -> None:
    crowd = Crowd(web)
    await crowd.join(5)
    await crowd.show()
    asking = crowd.peers[2]
    before = len(asking.media)
    asking.send_rtcp(nack(ssrc(asking.media[0]), *numbers(asking.media)[1:3]))
    await asking.until(lambda: len(asking.media) == before + 2)
    assert numbers(asking.media[before:]) == numbers(asking.media)[1:3]
    del asking.media[before:]
    media_ssrc = ssrc(asking.media[0])
    asking.send_rtcp(picture_loss_indication(1, media_ssrc, cname="peer"))
    # All since the key frame comes again.
    await asking.until(lambda: len(asking.media) == 2 * before)
    del asking.media[before:]
    await crowd.show(2)
    assert crowd.rows == ([5], 0)
    crowd.require_whole()
    await crowd.close()


async def test_who_moves_takes_its_place_along(web: WebServer) -> None:
    crowd = Crowd(web)
    await crowd.join(5)
    await crowd.show()
    moving = crowd.peers[1]
    await moving.open_udp()
    checks = len(moving.stun)
    moving.check()
    await moving.until(lambda: len(moving.stun) > checks)
    await crowd.show(2)
    assert crowd.rows == ([5], 0)
    crowd.require_whole()
    await crowd.close()


async def test_who_leaves_is_sent_nothing(web: WebServer) -> None:
    crowd = Crowd(web)
    await crowd.join(5)
    await crowd.show()
    assert (await crowd.peers.pop().leave(web.port)).status == 200
    await crowd.show()
    assert crowd.rows == ([4], 0)
    crowd.require_whole()
    await crowd.close()


async def test_a_socket_that_takes_no_more_costs_all_up_to_the_next_key_frame(
    web: WebServer,
) -> None:
    crowd = Crowd(web)
    await crowd.join(5)
    await crowd.show()
    [row] = crowd.view._order[0][0]
    sender = row._sender
    sender.pending_bytes += 2 * MOST_QUEUED_BYTES
    sent = [len(peer.media) for peer in crowd.peers]
    crowd.published.show()
    crowd.view._work()
    sender.pending_bytes -= 2 * MOST_QUEUED_BYTES
    viewers = inside(web.server).web.webrtc.viewers
    assert all(viewer.dropped_packets for viewer in viewers)
    assert [len(peer.media) for peer in crowd.peers] == sent
    assert all(viewer.place_for(0) is None for viewer in viewers)
    await crowd.close()


@pytest.mark.parametrize("failing", [(0,), (1, 3)])
async def test_whose_keys_fail_is_alone(
    web: WebServer, monkeypatch: pytest.MonkeyPatch, failing: Sequence[int]
) -> None:
    crowd = Crowd(web)
    await crowd.join(5)
    await crowd.show()
    arena = ARENA
    assert arena is not None
    real: Callable[..., Any] = arena.protect_all

    def protect_all(_: Arena, handles: Sequence[Any], layout: Any) -> Any:
        slots, _none = real(handles, layout)
        return slots, list(failing)

    with monkeypatch.context() as patched:
        patched.setattr(Arena, "protect_all", protect_all)
        before = [len(peer.media) for peer in crowd.peers]
        crowd.published.show()
        crowd.view._work()
    for place, peer in enumerate(crowd.peers):
        if place not in failing:
            count = before[place]
            await peer.until(lambda peer=peer, count=count: len(peer.media) > count)
    for place in failing:
        assert len(crowd.peers[place].media) == before[place]
    await crowd.close()


async def test_a_row_that_breaks_ends_those_in_it_alone(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd = Crowd(web)
    await crowd.join(4)
    await crowd.join(1, tcp=True)
    await crowd.show()

    def broken(*_: object) -> bool:
        raise RuntimeError("on purpose")

    with monkeypatch.context() as patched:
        patched.setattr(Row, "send", broken)
        crowd.published.show()
        crowd.view._work()
    last = crowd.peers[-1]
    await last.until(lambda: crowd.published.last_came(last.media))
    for peer in crowd.peers[:-1]:
        await peer.until(lambda peer=peer: peer.left)
    assert [viewer.transport for viewer in inside(web.server).web.webrtc.viewers] == ["webrtc-tcp"]
    await crowd.close()
