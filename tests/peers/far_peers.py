"""Publishers and readers on the far side of a faulty link, which account for every packet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from faulty_link import FaultyLink
from rtsp_peer import RtspPeer, frame, rtp
from udp_peer import UdpReader, port_from


class Publisher:
    """Publishes one packet at a time, so that the network treats each by itself."""

    def __init__(self, peer: RtspPeer, url: str, send: Callable[[bytes], None]) -> None:
        self.peer = peer
        self.url = url
        self._send = send
        self.seq = 0

    @classmethod
    async def start(
        cls, link: FaultyLink | None, port: int, path: str, *, over_tcp: bool
    ) -> Publisher:
        """Announce, set up and record; without a link from this machine."""
        host = "127.0.0.1" if link is None else link.near
        url = f"rtsp://{host}:{port}{path}"
        peer = await (RtspPeer.connect(port) if link is None else link.connect(port))
        announced = await peer.announce(url)
        assert announced.status == 200, announced
        session = {"Session": announced.session}
        if over_tcp:
            transport = "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"
            setup = await peer.ask("SETUP", f"{url}/streamid=0", session | {"Transport": transport})
            assert setup.status == 200, setup

            def send(packet: bytes) -> None:
                peer.writer.write(frame(0, packet))

        else:
            assert link is not None
            pair = link.udp_pair()
            transport = f"RTP/AVP;unicast;{pair.client_port};mode=record"
            setup = await peer.ask("SETUP", f"{url}/streamid=0", session | {"Transport": transport})
            assert setup.status == 200, setup
            target = (link.near, port_from(setup, "server_port"))

            def send(packet: bytes) -> None:
                # A link that is down refuses what it is given.
                with suppress(OSError):
                    pair.rtp.sendto(packet, target)

        record = await peer.ask("RECORD", url, session)
        assert record.status == 200, record
        return cls(peer, url, send)

    async def send(self, count: int, *, every_s: float = 0.003, payload_bytes: int = 300) -> None:
        """Send key frames of one packet each, at a pace."""
        for _ in range(count):
            payload = b"\x65\x88" + self.seq.to_bytes(4, "big") + bytes(payload_bytes)
            self._send(rtp(self.seq & 0xFFFF, payload=payload))
            self.seq += 1
            await asyncio.sleep(every_s)


class Reader:
    """Takes every packet and remembers its number, in order of arrival."""

    def __init__(self, peer: RtspPeer, url: str, session: str) -> None:
        self.peer = peer
        self.url = url
        self.session = session
        self.numbers: list[int] = []
        self.damaged = 0
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, link: FaultyLink | None, port: int, path: str, *, over_tcp: bool
    ) -> Reader:
        """Set up and play; without a link on this machine."""
        host = "127.0.0.1" if link is None else link.near
        url = f"rtsp://{host}:{port}{path}"
        peer = await (RtspPeer.connect(port) if link is None else link.connect(port))
        if over_tcp:
            transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
            setup = await peer.ask("SETUP", f"{url}/trackID=0", transport)
            receive = cls._take_frames
        else:
            assert link is not None
            with link.far_side():
                pair = UdpReader(link.far)
            setup = await pair.setup(peer, url)
            receive = lambda self: self._take_datagrams(pair)  # noqa: E731
        assert setup.status == 200, setup
        play = await peer.ask("PLAY", url, {"Session": setup.session})
        assert play.status == 200, play
        reader = cls(peer, url, setup.session)
        reader._task = asyncio.get_running_loop().create_task(receive(reader))
        return reader

    async def settle(self, quiet_s: float = 0.8) -> None:
        """Wait until nothing more comes."""
        async with asyncio.timeout(30):
            seen = -1
            while seen != len(self.numbers):
                seen = len(self.numbers)
                await asyncio.sleep(quiet_s)

    async def until(self, number: int) -> None:
        """Wait for a packet with this number or a later one."""
        async with asyncio.timeout(30):
            while not self.numbers or self.numbers[-1] < number:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Take no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
                await self._task

    def _take(self, packet: bytes) -> None:
        number = int.from_bytes(packet[14:18], "big")
        whole = len(packet) > 18 and packet[12:14] == b"\x65\x88" and not any(packet[18:])
        self.damaged += not whole
        self.numbers.append(number)

    async def _take_datagrams(self, pair: UdpReader) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._take(await loop.sock_recv(pair.rtp, 65536))

    async def _take_frames(self) -> None:
        while True:
            head = await self.peer.reader.readexactly(4)
            assert head[:1] == b"$", head
            packet = await self.peer.reader.readexactly(int.from_bytes(head[2:], "big"))
            if head[1] == 0:
                self._take(packet)
