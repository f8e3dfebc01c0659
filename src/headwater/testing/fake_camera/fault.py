"""What every fault is: an object whose methods see what the camera is about to do, and change it.

A fault that overrides nothing changes nothing. Faults keep no state: what they must remember
(how many requests came, how many packets left) is counted by the connection and by the flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.testing.fake_camera.message import Answer
from headwater.testing.fake_camera.rtp import RtpPacket, SenderReport

if TYPE_CHECKING:
    from headwater.testing.fake_camera.connection import CameraConnection
    from headwater.testing.fake_camera.exchange import Exchange
    from headwater.testing.fake_camera.flow import Flow


@dataclass(frozen=True)
class Fault:
    """A camera without a fault: the base of all of them."""

    async def accept(self, connection: CameraConnection) -> None:
        """A connection came in; nothing of it has been read."""

    def request(self, exchange: Exchange) -> Answer | None:
        """Answer this instead of doing what was asked; None does what was asked."""
        return None

    def answer(self, exchange: Exchange, answer: Answer) -> Answer:
        """Change an answer that is about to be sent."""
        return answer

    async def deliver(self, exchange: Exchange, encoded: bytes) -> bytes:
        """Change the bytes of an answer, send others before it, or keep it for ever."""
        return encoded

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """What is sent instead of this packet: nothing, others, or bytes as they are."""
        return (packet,)

    def report(self, flow: Flow, report: SenderReport) -> Sequence[SenderReport | bytes]:
        """What is sent instead of this sender report."""
        return (report,)

    def framed(self, connection: CameraConnection, frame: bytes) -> bytes:
        """The bytes of an interleaved frame, as they go into the TCP connection."""
        return frame

    async def heard(self, connection: CameraConnection, size_bytes: int) -> None:
        """So many bytes of a request or frame were read; it is dealt with when this returns."""

    def delay_s(self, flow: Flow) -> float:
        """How long after its time the next unit of a flow is sent."""
        return 0.0

    def rate(self) -> float:
        """How many seconds pass for the camera in a second: media and clock go by it."""
        return 1.0
