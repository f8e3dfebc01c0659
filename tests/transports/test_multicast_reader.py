"""Multicast readers whose delivery breaks are ended, not left waiting for packets."""

from __future__ import annotations

import asyncio
import time

import pytest

from headwater.media.settings import MountSettings
from headwater.media.track import Track
from headwater.net.settings import SocketSettings
from headwater.protocol.header.transport import TransportSpec
from headwater.protocol.sdp import SessionDescription
from headwater.transports.multicast_egress import MulticastEgressTable
from headwater.transports.multicast_reader import MulticastReader
from headwater.transports.negotiation import Offer
from headwater.transports.session_end import SessionIdentity
from headwater.transports.settings import TransportKind

SDP = b"v=0\r\ns=-\r\nm=audio 0 RTP/AVP 0\r\n"
SETTINGS = MountSettings(
    multicast_group="239.77.1.10", multicast_port_start=43600, multicast_interface="127.0.0.1"
)


async def test_every_listener_of_a_broken_group_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    egresses = MulticastEgressTable(asyncio.get_running_loop(), SocketSettings())
    track = Track(0, SessionDescription.parse(SDP).media[0], clock=time.monotonic)
    causes: asyncio.Queue[str] = asyncio.Queue()
    offer = Offer(TransportKind.MULTICAST, TransportSpec())
    readers = []
    for number in range(2):
        identity = SessionIdentity(
            id=str(number),
            peer="127.0.0.1:1",
            peer_ip="127.0.0.1",
            local_ip="127.0.0.1",
            user_agent="",
            on_close=causes.put_nowait,
            on_life=lambda: None,
        )
        reader = MulticastReader(identity, egresses, SETTINGS, on_too_slow=lambda _reader: None)
        reader.add_track(0, track, offer)
        reader.join(0, track)
        readers.append(reader)

    def break_down(runs: object) -> None:
        raise RuntimeError("no way out")

    egress = egresses.acquire(track, SETTINGS)
    monkeypatch.setattr(egress.sender, "send", break_down)
    track.write([bytes([0x80, 0, 0, 1]) + bytes(8)])
    async with asyncio.timeout(10):
        told = [await causes.get() for _ in readers]
    assert told == ["delivery failed: no way out"] * 2
    for reader in readers:
        reader.release()
    egresses.release(track)
    assert len(egresses) == 0
