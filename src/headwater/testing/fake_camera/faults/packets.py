"""RTP packets that are lost, late, wrong, or cut by other rules than the RFC's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headwater.testing.fake_camera.carrier import PortPair
from headwater.testing.fake_camera.fault import Fault
from headwater.testing.fake_camera.rtp import RtpPacket, SenderReport

if TYPE_CHECKING:
    from headwater.testing.fake_camera.flow import Flow

_NAL_SPS, _NAL_PPS, _FU_A = 7, 8, 28
_H265_SETS = range(32, 35)


def _h264(flow: Flow) -> bool:
    return flow.track.encoding.startswith("H264/")


def _parameter_set(flow: Flow, packet: RtpPacket) -> bool:
    """Whether a packet holds a parameter set, and nothing else, of H.264 or H.265."""
    match flow.track.encoding.partition("/")[0]:
        case "H264":
            return packet.payload[0] & 31 in (_NAL_SPS, _NAL_PPS)
        case "H265":
            return packet.payload[0] >> 1 & 63 in _H265_SETS
    return False


@dataclass(frozen=True)
class Drop(Fault):
    """Loses packets: a share of them by chance, or each that has such a number."""

    share: float = 0.0
    every: int = 0

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """Nothing, for a packet that is lost."""
        number = flow.packets_sent + 1
        lost = flow.random.random() < self.share or (self.every and number % self.every == 0)
        return () if lost else (packet,)


@dataclass(frozen=True)
class Reorder(Fault):
    """Sends every so many packets one packet too early."""

    every: int = 10

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """A packet that is held back goes out behind the next one."""
        held, flow.held = flow.held, None
        if held is not None:
            return (packet, held)
        if flow.packets_sent % self.every == self.every - 1:
            flow.held = packet
            return ()
        return (packet,)


@dataclass(frozen=True)
class Bitrot(Fault):
    """Turns single bits of payloads over, by chance."""

    share: float = 1e-4
    """The share of packets in which a bit is wrong."""

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """The packet, perhaps with a wrong bit."""
        if not packet.payload or flow.random.random() >= self.share:
            return (packet,)
        payload = bytearray(packet.payload)
        bit = flow.random.randrange(len(payload) * 8)
        payload[bit // 8] ^= 1 << bit % 8
        return (replace(packet, payload=bytes(payload)),)


@dataclass(frozen=True)
class CutAfter(Fault):
    """Cuts all connections once so many units of a track were sent."""

    units: int

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """The packet, if it is not too late."""
        if flow.units_sent < self.units:
            return (packet,)
        flow.camera.cut()
        return ()


@dataclass(frozen=True)
class SilentOverUdp(Fault):
    """Accepts UDP, and sends nothing by it, as with a NAT or a firewall in between."""

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """Nothing, where it goes by UDP."""
        return () if isinstance(flow.carrier, PortPair) else (packet,)


@dataclass(frozen=True)
class SequenceJump(Fault):
    """From some unit on, sequence numbers are so much further."""

    units: int
    by: int

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """The packet with its number."""
        jumped = flow.units_sent >= self.units
        return (replace(packet, seq=(packet.seq + self.by) & 0xFFFF) if jumped else packet,)


@dataclass(frozen=True)
class TimestampJump(Fault):
    """From some unit on, time stamps are so much further, or back."""

    units: int
    by: int

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """The packet with its time stamp."""
        if flow.units_sent < self.units:
            return (packet,)
        return (replace(packet, timestamp=(packet.timestamp + self.by) & 0xFFFFFFFF),)


@dataclass(frozen=True)
class NewSsrc(Fault):
    """Takes another SSRC each so many units, and goes on otherwise; its reports name it too."""

    every: int

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """The packet of the source whose turn it is."""
        return (replace(packet, ssrc=self._ssrc(flow, packet.ssrc)),)

    def report(self, flow: Flow, report: SenderReport) -> Sequence[SenderReport | bytes]:
        """The report of the source whose turn it is."""
        return (replace(report, ssrc=self._ssrc(flow, report.ssrc)),)

    def _ssrc(self, flow: Flow, first: int) -> int:
        return (first + flow.units_sent // self.every) & 0xFFFFFFFF


@dataclass(frozen=True)
class TimestampWithinUnit(Fault):
    """The last packet of a unit has another time stamp than the first one."""

    by: int = 1

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """The packet with its time stamp."""
        if not packet.marker or len(flow.unit.payloads) == 1:
            return (packet,)
        return (replace(packet, timestamp=(packet.timestamp + self.by) & 0xFFFFFFFF),)


@dataclass(frozen=True)
class ForeignSource(Fault):
    """Every so many packets one of another SSRC, as from a session that is over."""

    every: int = 10
    ssrc: int = 0xDEAD

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """The packet, and one of the foreign source when its turn has come."""
        if flow.packets_sent % self.every:
            return (packet,)
        return (packet, replace(packet, ssrc=self.ssrc, seq=(packet.seq + 9_999) & 0xFFFF))


@dataclass(frozen=True)
class RepeatedSequence(Fault):
    """After each unit a packet of another payload type with the sequence number of the last."""

    payload_type: int = 50

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """The packet, and the odd one."""
        if not packet.marker:
            return (packet,)
        odd = replace(packet, payload_type=self.payload_type, payload=b"metadata", marker=False)
        return (packet, odd)


@dataclass(frozen=True)
class FragmentBits(Fault):
    """FU-A fragments without their start bit or end bit, or with another NAL header inside."""

    start: bool = True
    end: bool = True
    middle_indicator: int | None = None
    """The type of the NAL unit that fragments in the middle name, instead of the true one."""

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """The packet with the bits that this camera sets."""
        payload = packet.payload
        if not _h264(flow) or payload[0] & 31 != _FU_A:
            return (packet,)
        fu = payload[1]
        if self.middle_indicator is not None and not fu & 0xC0:
            fu = fu & 0xE0 | self.middle_indicator
        fu &= 0xFF ^ (0 if self.start else 0x80) ^ (0 if self.end else 0x40)
        return (replace(packet, payload=bytes((payload[0], fu)) + payload[2:]),)


@dataclass(frozen=True)
class MarkerOnParameterSets(Fault):
    """The marker bit on packets that hold SPS and PPS, as if they were a picture."""

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """The packet with the bit."""
        return (replace(packet, marker=packet.marker or _parameter_set(flow, packet)),)


@dataclass(frozen=True)
class NoParameterSets(Fault):
    """No parameter sets among the packets before some unit."""

    before_unit: int = 1 << 62

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """Nothing instead of a parameter set; its sequence number is not used up."""
        if _parameter_set(flow, packet) and flow.units_sent < self.before_unit:
            flow.seq = (flow.seq - 1) & 0xFFFF
            return ()
        return (packet,)


@dataclass(frozen=True)
class EmptyUnits(Fault):
    """Before each picture an access unit that holds a delimiter only, its time its own."""

    payload: bytes = b"\x09\xf0"

    def packets(self, flow: Flow, packet: RtpPacket) -> Sequence[RtpPacket | bytes]:
        """The packet, and the empty unit before it where a picture begins."""
        if not _h264(flow) or packet.payload != flow.unit.payloads[0]:
            return (packet,)
        early = (packet.timestamp - flow.unit.ticks // 2) & 0xFFFFFFFF
        empty = replace(packet, timestamp=early, payload=self.payload, marker=True)
        flow.seq = (flow.seq + 1) & 0xFFFF
        return (empty, replace(packet, seq=flow.seq))
