"""Opus in RTP (RFC 7587): one packet, one access unit."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.codecs.access_unit import AccessUnit
from headwater.codecs.depacketizer import Depacketizer
from headwater.protocol.rtp import HEADER_BYTES

CLOCK_RATE_HZ = 48_000
"""RFC 7587 §4.1: always, whatever `a=rtpmap` of some cameras says."""
_MOST_SAMPLES = 5_760
# RFC 6716 §3.1, table 2: samples at 48 kHz of a frame by configuration: SILK, hybrid, CELT.
_FRAME_SAMPLES = (480, 960, 1_920, 2_880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4


@dataclass(frozen=True, slots=True)
class OpusConfig:
    """What a decoder of one track is set up with."""

    channels: int = 2
    """What is played: a decoder makes two channels of one, and mono streams may turn stereo."""
    sample_rate_hz: int = CLOCK_RATE_HZ


def opus_samples(packet: bytes) -> int:
    """Return how many samples at 48 kHz an Opus packet plays; 0 where it is none."""
    if not packet:
        return 0
    first = packet[0]
    # RFC 6716 §3.2: one frame, two, or as many as the next byte tells.
    count = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 0)[first & 0x03]
    samples = count * _FRAME_SAMPLES[first >> 3]
    return samples if samples <= _MOST_SAMPLES else 0


class OpusDepacketizer(Depacketizer[OpusConfig]):
    """Each packet is a frame, or several that stay together."""

    __slots__ = ()

    config = OpusConfig()
    """What a decoder is set up with."""

    def _take(self, packet: bytes) -> Sequence[AccessUnit]:
        frame = packet[HEADER_BYTES:]
        samples = opus_samples(frame)
        if not samples:
            return self._broken_packet()
        self.counters.access_units += 1
        return (AccessUnit(int.from_bytes(packet[4:8], "big"), (frame,), duration=samples),)


def opus_payloads(unit: AccessUnit, room: int) -> list[bytes]:  # noqa: ARG001 - none is larger
    """Return the frame: RFC 7587 §4.2 has no fragments."""
    return list(unit.units)
