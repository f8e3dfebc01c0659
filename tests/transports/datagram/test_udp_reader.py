"""UDP readers whose delivery breaks are ended, not left waiting for packets."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from local_identity import local_identity
from own_ports import own_port

from headwater.media.settings import MountSettings
from headwater.media.tracks.track import Track
from headwater.net.port_pairs import PortPairPool
from headwater.net.settings import SocketSettings
from headwater.net.udp_sender import UdpSender
from headwater.protocol.header.transport import TransportSpec
from headwater.protocol.sdp import SessionDescription
from headwater.transports.datagram.udp_egress import UdpEgressTable
from headwater.transports.datagram.udp_reader import UdpReader
from headwater.transports.offers.negotiation import Offer
from headwater.transports.settings import TransportKind

SDP = b"v=0\r\ns=-\r\nm=audio 0 RTP/AVP 0\r\n"


async def test_every_reader_behind_a_broken_egress_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    ports = PortPairPool(own_port(700), 20)
    egresses = UdpEgressTable(loop, ports, SocketSettings())
    track = Track(0, SessionDescription.parse(SDP).media[0], clock=time.monotonic)
    causes: asyncio.Queue[str] = asyncio.Queue()
    readers = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as player:
        player.bind(("127.0.0.1", 0))
        port = player.getsockname()[1]
        for number in range(2):
            identity = local_identity(str(number), causes.put_nowait)
            reader = UdpReader(
                identity, egresses, MountSettings(), lambda _reader: None, path="/cam"
            )
            client_port = (port + 2 * number, port + 2 * number + 1)
            spec = TransportSpec(client_port=client_port)
            reader.add_track(0, track, Offer(TransportKind.UDP, spec))
            reader.join(0, track)
            readers.append(reader)

        def break_down(sender: UdpSender, runs: object) -> None:
            raise RuntimeError("no way out")

        egresses.acquire(track, "127.0.0.1", MountSettings())
        monkeypatch.setattr(UdpSender, "send", break_down)
        track.write([bytes([0x80, 0, 0, 1]) + bytes(8)])
        async with asyncio.timeout(10):
            told = [await causes.get() for _ in readers]
        assert told == ["delivery failed: no way out"] * 2
        for reader in readers:
            reader.release()
        egresses.release(track, "127.0.0.1")
    assert ports.in_use == 0
