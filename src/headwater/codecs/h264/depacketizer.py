"""H.264 packets to access units (RFC 6184): single NAL units, STAP-A, FU-A."""

from typing import Final

from headwater.codecs.bits import BitReader, BitsEnd
from headwater.codecs.h264.parameters import H264Config, describe, identify
from headwater.codecs.nal import depacketizer as nal
from headwater.codecs.nal.parameter_sets import ParameterSets, without_emulation
from headwater.protocol.payload import h264

_ROLES = {
    **dict.fromkeys(range(h264.SLICE, h264.PARTITION_C + 1), nal.PICTURE),
    h264.IDR_SLICE: nal.KEY_PICTURE,
    h264.SEI: nal.SUPPLEMENT,
    h264.SPS: nal.PARAMETERS,
    h264.PPS: nal.PARAMETERS,
    h264.DELIMITER: nal.IGNORED,
    h264.END_OF_SEQUENCE: nal.IGNORED,
    h264.END_OF_STREAM: nal.IGNORED,
    h264.FILLER: nal.IGNORED,
}
_PACKETS = {
    **dict.fromkeys(range(h264.STAP_A), nal.WHOLE),
    h264.STAP_A: nal.AGGREGATED,
    h264.FU_A: nal.FRAGMENT,
}
_B_SLICES: Final = (1, 6)
"""`slice_type` of slices that refer to pictures shown later (ITU-T H.264 table 7-6)."""


class H264Depacketizer(nal.NalDepacketizer[H264Config]):
    """Depacketizer of packetization modes 0 and 1, the only ones that anybody sends."""

    __slots__ = ()

    _HEADER = 1
    _FU_TYPE = h264.TYPE_BITS
    _SPROPS = ("sprop-parameter-sets",)  # RFC 6184 §8.1
    _ROLES = bytes(_ROLES.get(byte & h264.TYPE_BITS, nal.OTHER) for byte in range(256))
    _PACKETS = bytes(_PACKETS.get(byte & h264.TYPE_BITS, nal.UNKNOWN) for byte in range(256))

    def _parameter_sets(self) -> ParameterSets[H264Config]:
        return ParameterSets(identify, describe, self.repairs)

    def _fragment_header(self, packet: bytes) -> bytes:
        # RFC 6184 §5.8: F and NRI of the FU indicator, the type of the FU header.
        return bytes((packet[12] & 0xE0 | packet[13] & h264.TYPE_BITS,))

    def _look_at_first_slice(self, unit: bytes) -> None:
        bits = BitReader(without_emulation(unit[1:12]))
        try:
            bits.golomb()
            self._bidirectional = bits.golomb() in _B_SLICES
        except BitsEnd:
            self._broken = True

    def _is_recovery_point(self, unit: bytes) -> bool:
        return h264.has_recovery_point(unit, 1, len(unit))
