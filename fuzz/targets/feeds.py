"""A mount's feed under any packets, with takers that come and go."""

from __future__ import annotations

from collections.abc import Callable

from fuzz.target import Target
from headwater.feeds.fed_unit import FedUnit
from headwater.feeds.mount_feeds import MountFeeds
from headwater.feeds.tap import Tap
from headwater.media.cache_budget import CacheBudget
from headwater.media.clock import Timer
from headwater.media.mount_table import MountTable
from headwater.media.observer import MountObserver
from headwater.media.publisher import Publisher
from headwater.media.settings import MountSettings
from headwater.protocol.sdp import SessionDescription

SDP = """v=0
m=video 0 RTP/AVP 96
a=rtpmap:96 {}/90000
m=audio 0 RTP/AVP 97
a=rtpmap:97 {}/48000
"""
VIDEO = ("H264", "H265", "VP8", "VP9", "AV1", "JPEG", "X-NONE")
SOUND = ("opus", "PCMU", "MPEG4-GENERIC", "MP4A-LATM")
MOST_KEPT_BYTES = 4_000


class Nobody(Publisher):
    """The publisher, whom nothing is asked of."""

    id = peer = user_agent = ""
    transport = "python"

    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        """Hear nothing."""

    def close(self, reason: str) -> None:
        """Have nothing to close."""


class Call:
    """What waits for its turn."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback

    def cancel(self) -> None:
        """Do nothing when its turn comes."""
        self.callback = lambda: None


class Turns:
    """The loop: calls wait for their turn, timers for ever."""

    def __init__(self) -> None:
        self.now = 1.0
        self.calls: list[Call] = []

    def soon(self, callback: Callable[[], None]) -> Timer:
        """Arrange a call."""
        call = Call(callback)
        self.calls.append(call)
        return call

    def later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Arrange a call; what has time never comes here."""
        return self.soon(callback) if not delay else Call(callback)

    def run(self) -> None:
        """Give turns until nothing waits."""
        while self.calls:
            self.calls.pop(0).callback()


def run(data: bytes) -> None:
    # The codecs, then steps: what is done, and a packet with its size.
    if not data:
        return
    turns = Turns()
    budget = CacheBudget(1 << 30)
    feeds = MountFeeds(clock=lambda: turns.now, call_soon=turns.soon, budget=budget, new_id=str)
    table = MountTable(
        clock=lambda: turns.now,
        call_later=turns.later,
        settings=MountSettings(gop_cache_max_bytes=MOST_KEPT_BYTES),
        observer=MountObserver(),
        cache_budget=budget,
    )
    text = SDP.format(VIDEO[data[0] % len(VIDEO)], SOUND[data[0] // 8 % len(SOUND)])
    mount = table.open("/cam", SessionDescription.parse(text), Nobody())
    taps: list[tuple[Tap, list[FedUnit]]] = []
    closed: list[tuple[list[FedUnit], int]] = []
    at = 1
    sequence = 0
    while at + 1 < len(data):
        step, size = data[at], data[at + 1]
        payload = data[at + 2 : at + 2 + size]
        at += 2 + size
        if step & 0x40 and len(taps) < 8:
            got: list[FedUnit] = []
            taps.append((feeds.take(mount, got.append), got))
        if step & 0x20 and taps:
            tap, got = taps.pop(step % len(taps))
            tap.close()
            closed.append((got, len(got)))
        sequence += (1, 1, 2, -1)[step & 3]
        head = bytes((0x80, 0x60 + (step >> 3 & 1) | step & 0x80))
        head += (sequence & 0xFFFF).to_bytes(2, "big") + (step & 7).to_bytes(4, "big") + b"ssrc"
        turns.now += 0.01
        mount.tracks[step >> 3 & 1].write([head + payload])
        if step & 4:
            turns.run()
        assert (len(feeds) == 1) is bool(taps)
        assert (feeds.get(mount) is not None) is bool(taps)
        assert len(mount.readers) == bool(taps)
        # What the feed keeps, beside the mount's cache of packets.
        cached_bytes = 0 if mount.cache is None else mount.cache.held_bytes
        assert 0 <= budget.held_bytes - cached_bytes <= MOST_KEPT_BYTES
    mount.close("over")
    turns.run()
    assert all(len(got) == count for got, count in closed)
    for tap, got in taps:
        assert not tap.open
        begun: set[int] = set()
        for fed in got:
            assert fed.unit.units
            # Nobody begins in the middle of a group.
            assert fed.track in begun or fed.track or fed.unit.key_frame
            begun.add(fed.track)
    assert len(feeds) == 0
    assert not mount.readers


TARGET = Target(
    invariant="whatever comes, all who take get whole units from a key frame on, what is kept is "
    "bounded, and nothing is left when nobody takes",
    run=run,
    words=(
        b"\x78\0\x16\x67\x42\xc0\x0b\xda\x0c\x3e\x84\0\0\3\0\4\0\0\3\0\xca\x3c\x50\xaa\x80",
        b"\0\x04\x68\xce\x0f\xc8",
        b"\0\x04\x65\x88\x84\x01",
        b"\xc4\x04\x41\x9a\x24\x01",
        b"\x64\x04\xf8abc",
        b"\x10\x10\x02\0\x9d\x01\x2a\x40\x01\xf0\0",
    ),
    max_bytes=900,
)
