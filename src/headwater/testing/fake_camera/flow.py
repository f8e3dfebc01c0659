"""One track on its way: the packets of its units in their time, and its sender reports."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from headwater.testing.fake_camera.carrier import Carrier
from headwater.testing.fake_camera.rtp import RtpPacket, SenderReport, bye
from headwater.testing.fake_camera.track import Track, Unit

if TYPE_CHECKING:
    from headwater.testing.fake_camera.camera import AsyncFakeCamera


class Flow:
    """Plays a track to one carrier; the packets that it sent are counted for the faults."""

    def __init__(self, camera: AsyncFakeCamera, index: int, carrier: Carrier, name: str) -> None:
        self.camera = camera
        self.index = index
        self.track: Track = camera.settings.tracks[index]
        self.carrier = carrier
        self.random = random.Random(name)
        self.ssrc = self.seq = self.base = 0
        self.renew()
        self.packets_sent = 0
        self.octets_sent = 0
        self.units_sent = 0
        self.unit: Unit = self.track.units[0]
        """The unit that is being sent."""
        self.held: RtpPacket | None = None
        """A packet that a fault keeps back for a while."""
        self._units: Iterator[tuple[int, Unit]] = self.track.endless()
        self._next = next(self._units)
        self._players = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def rtptime(self) -> int:
        """The time stamp of the packet that comes next, for RTP-Info."""
        return (self.base + self._next[0]) & 0xFFFFFFFF

    def renew(self) -> None:
        """Go on with another SSRC, sequence number and time stamp, as after a restart."""
        self.ssrc = self.random.getrandbits(32)
        self.seq = self.random.getrandbits(16)
        self.base = self.random.getrandbits(32)

    def start(self) -> None:
        """One more session plays it."""
        self._players += 1
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._play())

    def stop(self) -> None:
        """One session less plays it."""
        self._players = max(0, self._players - 1)
        if self._task is not None and not self._players:
            self._task.cancel()
            self._task = None

    def say_bye(self) -> None:
        """Tell the client by RTCP that this source leaves."""
        self.carrier.send(bye(self.ssrc), rtcp=True)

    def send(self, packet: RtpPacket) -> None:
        """Send a packet, or what the faults make of it."""
        made: list[RtpPacket | bytes] = [packet]
        for fault in self.camera.faults:
            made = [
                out
                for each in made
                for out in (fault.packets(self, each) if isinstance(each, RtpPacket) else (each,))
            ]
        for each in made:
            self.carrier.send(each.encode() if isinstance(each, RtpPacket) else each)
        self.packets_sent += 1
        self.octets_sent += len(packet.payload)

    def send_report(self, elapsed_s: float, timestamp: int) -> None:
        """Send a sender report, or what the faults make of it."""
        ntp = self.camera.clock.ntp(elapsed_s)
        report = SenderReport(self.ssrc, ntp, timestamp, self.packets_sent, self.octets_sent)
        made: list[SenderReport | bytes] = [report]
        for fault in self.camera.faults:
            made = [
                out
                for each in made
                for out in (fault.report(self, each) if isinstance(each, SenderReport) else (each,))
            ]
        for each in made:
            encoded = each.encode() if isinstance(each, SenderReport) else each
            self.carrier.send(encoded, rtcp=True)

    async def _play(self) -> None:
        camera, track = self.camera, self.track
        loop = asyncio.get_running_loop()
        began_s, began_camera_s = loop.time(), camera.clock.elapsed_s()
        first = self._next[0]
        report_s = began_s
        try:
            while True:
                ticks, unit = self._next
                media_s = (ticks - first) / track.clock_hz
                await self._pause_until(began_s, media_s)
                late_s = sum(fault.delay_s(self) for fault in camera.faults)
                if late_s:
                    await asyncio.sleep(late_s)
                self._next = next(self._units)
                if not camera.speaking.is_set():
                    continue
                if loop.time() >= report_s:
                    self.send_report(began_camera_s + media_s, (self.base + ticks) & 0xFFFFFFFF)
                    report_s = loop.time() + camera.settings.report_interval_s
                self._send_unit(ticks, unit)
                await self.carrier.drained()
        except OSError:
            return  # The client has gone; its session ends with its connection.

    async def _pause_until(self, began_s: float, media_s: float) -> None:
        pace = self.camera.settings.pace
        if pace is None:
            await self.camera.speaking.wait()
            await asyncio.sleep(0)
            return
        rate = math.prod((fault.rate() for fault in self.camera.faults), start=pace)
        due_s = began_s + media_s / (rate * self.camera.clock.rate)
        await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))

    def _send_unit(self, ticks: int, unit: Unit) -> None:
        self.unit = unit
        last = len(unit.payloads) - 1
        for index, payload in enumerate(unit.payloads):
            timestamp = (self.base + ticks) & 0xFFFFFFFF
            marker = self.track.marker and index == last
            self.send(
                RtpPacket(
                    self.track.payload_type, self.seq, timestamp, self.ssrc, payload, marker=marker
                )
            )
            self.seq = (self.seq + 1) & 0xFFFF
        self.units_sent += 1
