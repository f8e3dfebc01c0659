"""A mount that is published by hand, and those who take its access units."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from server_rig import clock, server, start_server

from headwater.feeds.fed_unit import FedUnit
from headwater.feeds.mount_feeds import MountFeeds
from headwater.feeds.tap import Tap
from headwater.media.cache_budget import CacheBudget
from headwater.media.clock import Timer
from headwater.media.mount import Mount
from headwater.media.mount_table import MountTable
from headwater.media.observer import MountObserver
from headwater.media.publisher import Publisher
from headwater.media.settings import MountSettings
from headwater.protocol.sdp import SessionDescription

__all__ = ["clock", "server", "stage", "start_server"]

VIDEO = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
SOUND = "m=audio 0 RTP/AVP 97\na=rtpmap:97 opus/48000/2\n"


class Waiting:
    """A call that waits for a turn of the loop, or for its time."""

    def __init__(self, callback: Callable[[], None], at_s: float) -> None:
        self.callback = callback
        self.at_s = at_s
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Camera(Publisher):
    """The publisher: what it is asked for is noted."""

    id = "camera"
    peer = ""
    user_agent = "camera"
    transport = "tcp"

    def __init__(self) -> None:
        self.rtcp: list[tuple[int, bytes]] = []

    def send_rtcp(self, track_index: int, packet: bytes) -> None:
        self.rtcp.append((track_index, packet))

    def close(self, reason: str) -> None:
        """Nothing is to be done."""


@dataclass
class Taker:
    """One who takes access units: writes down what came."""

    got: list[FedUnit] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    work: Callable[[FedUnit], None] = lambda fed: None

    def take(self, fed: FedUnit) -> None:
        assert not self.ends
        self.got.append(fed)
        self.work(fed)

    def times(self, track: int = 0) -> list[int]:
        return [fed.unit.timestamp for fed in self.got if fed.track == track]


class Stage:
    """A clock, turns of a loop, a mount and its feeds."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._calls: list[Waiting] = []
        self.budget = CacheBudget(64 << 20)
        self.camera = Camera()
        numbers = itertools.count()
        self.feeds = MountFeeds(
            clock=self.clock,
            call_soon=self.call_soon,
            budget=self.budget,
            new_id=lambda: f"feed-{next(numbers)}",
        )

    def clock(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[[], None]) -> Timer:
        return self.call_later(0.0, callback)

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        waiting = Waiting(callback, self.now + delay)
        self._calls.append(waiting)
        return waiting

    def turns(self, seconds: float = 0.0) -> None:
        """Give the loop turns until nothing is due any more."""
        self.now += seconds
        while due := [call for call in self._calls if call.at_s <= self.now]:
            self._calls = [call for call in self._calls if call.at_s > self.now]
            for call in due:
                if not call.cancelled:
                    call.callback()

    def table(self, **settings: Any) -> MountTable:
        return MountTable(
            clock=self.clock,
            call_later=self.call_later,
            settings=MountSettings(**settings),
            observer=MountObserver(),
            cache_budget=self.budget,
        )

    def mount(self, *media: str, **settings: Any) -> Mount:
        presentation = SessionDescription.parse("v=0\n" + "".join(media or (VIDEO, SOUND)))
        return self.table(**settings).open("/cam", presentation, self.camera)

    def send(self, mount: Mount, packets: Sequence[bytes], track: int = 0) -> None:
        """Publish packets, each picture at its time."""
        for timestamp, picture in itertools.groupby(packets, key=lambda packet: packet[4:8]):
            del timestamp
            mount.tracks[track].write(list(picture))
            self.turns(0.04)

    def take(self, mount: Mount, **options: Any) -> tuple[Tap, Taker]:
        taker = Taker()
        tap = self.feeds.take(mount, taker.take, on_end=taker.ends.append, **options)
        return tap, taker


@pytest.fixture
def stage() -> Stage:
    return Stage()
