"""Multicast readers whose delivery breaks are ended, not left waiting for packets."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from dataclasses import replace

import pytest
from local_identity import local_identity
from logged import events
from own_ports import own_port

from headwater.media.readers.reader import Reader
from headwater.media.settings import MountSettings, SlowReaderPolicy
from headwater.media.tracks.track import Track
from headwater.net.settings import SocketSettings
from headwater.net.udp_sender import UdpSender
from headwater.protocol.header.transport import TransportSpec
from headwater.protocol.sdp import SessionDescription
from headwater.transports.datagram.multicast_egress import MulticastEgressTable
from headwater.transports.datagram.multicast_reader import MulticastReader
from headwater.transports.offers.negotiation import Offer
from headwater.transports.settings import TransportKind

SDP = b"v=0\r\ns=-\r\nm=audio 0 RTP/AVP 0\r\n"
SETTINGS = MountSettings(
    multicast_group="239.77.1.10",
    multicast_port_start=own_port(600),
    multicast_interface="127.0.0.1",
)


async def test_every_listener_of_a_broken_group_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    egresses = MulticastEgressTable(asyncio.get_running_loop(), SocketSettings())
    track = Track(0, SessionDescription.parse(SDP).media[0], clock=time.monotonic)
    causes: asyncio.Queue[str] = asyncio.Queue()
    offer = Offer(TransportKind.MULTICAST, TransportSpec())
    readers = []
    for number in range(2):
        identity = local_identity(str(number), causes.put_nowait)
        reader = MulticastReader(identity, egresses, SETTINGS, on_too_slow=lambda _reader: None)
        reader.add_track(0, track, offer)
        reader.join(0, track)
        readers.append(reader)

    def break_down(sender: UdpSender, runs: object) -> None:
        raise RuntimeError("no way out")

    egresses.acquire(track, SETTINGS)
    monkeypatch.setattr(UdpSender, "send", break_down)
    track.write([bytes([0x80, 0, 0, 1]) + bytes(8)])
    async with asyncio.timeout(10):
        told = [await causes.get() for _ in readers]
    assert told == ["delivery failed: no way out"] * 2
    for reader in readers:
        reader.release()
    egresses.release(track)
    assert len(egresses) == 0


async def test_group_whose_reports_cannot_be_heard_is_sent_to_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    egresses = MulticastEgressTable(asyncio.get_running_loop(), SocketSettings())
    track = Track(0, SessionDescription.parse(SDP).media[0], clock=time.monotonic)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as selfish:
        # Bound without sharing the port.
        selfish.bind(("", SETTINGS.multicast_port_start + 1))
        egress = egresses.acquire(track, SETTINGS)
    told = events(caplog.records)
    assert "receiver reports of a multicast group cannot be heard" in told
    assert told.count("multicast leaves from another port than the group's") == 1
    assert egress.ports == (SETTINGS.multicast_port_start, SETTINGS.multicast_port_start + 1)
    egresses.release(track)


async def test_listeners_of_a_slow_group_miss_the_same_and_are_closed_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    sockets = SocketSettings(udp_pending_bytes=100)
    egresses = MulticastEgressTable(loop, sockets)
    track = Track(0, SessionDescription.parse(SDP).media[0], clock=time.monotonic)
    settings = replace(SETTINGS, slow_reader_policy=SlowReaderPolicy.DISCONNECT)
    slow: asyncio.Queue[Reader] = asyncio.Queue()
    readers = []
    for number in range(2):
        identity = local_identity(str(number))
        reader = MulticastReader(identity, egresses, settings, on_too_slow=slow.put_nowait)
        reader.add_track(0, track, Offer(TransportKind.MULTICAST, TransportSpec()))
        reader.join(0, track)
        readers.append(reader)
    egress = egresses.acquire(track, settings)

    def full(data: bytes, address: object) -> int:
        raise BlockingIOError(errno.EAGAIN, "full")

    monkeypatch.setattr(egress.sender, "_sendto", full)
    for _ in range(3):
        track.write([bytes([0x80, 0, 0, 1]) + bytes(200)])
    async with asyncio.timeout(10):
        assert [await slow.get() for _ in readers] == readers
    assert [reader.dropped_packets for reader in readers] == [2, 2]
    assert [reader.sent_packets for reader in readers] == [1, 1]
    assert egress.totals.dropped_packets == 2, "a group is one destination"
    for reader in readers:
        reader.release()
    egresses.release(track)
