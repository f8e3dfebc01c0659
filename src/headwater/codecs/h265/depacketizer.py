"""H.265 packets to access units (RFC 7798): single NAL units, aggregation, fragmentation."""

from headwater.codecs.h265.parameters import H265Config, describe, identify
from headwater.codecs.nal import depacketizer as nal
from headwater.codecs.nal.parameter_sets import ParameterSets
from headwater.protocol.payload import h265

_ROLES = {
    **dict.fromkeys(h265.SLICE_TYPES, nal.PICTURE),
    **dict.fromkeys(h265.RASL_TYPES, nal.LEADING_PICTURE),
    **dict.fromkeys(h265.IRAP_TYPES, nal.KEY_PICTURE),
    h265.VPS: nal.PARAMETERS,
    h265.SPS: nal.PARAMETERS,
    h265.PPS: nal.PARAMETERS,
    h265.DELIMITER: nal.IGNORED,
    h265.END_OF_SEQUENCE: nal.IGNORED,
    h265.END_OF_STREAM: nal.IGNORED,
    h265.FILLER: nal.IGNORED,
}
_PACKETS = {
    **dict.fromkeys(range(h265.AGGREGATE), nal.WHOLE),
    h265.AGGREGATE: nal.AGGREGATED,
    h265.FRAGMENT: nal.FRAGMENT,
}


class H265Depacketizer(nal.NalDepacketizer[H265Config]):
    """Depacketizer of streams in decoding order (`sprop-max-don-diff` 0), as encoders send."""

    __slots__ = ()

    _HEADER = 2
    _FU_TYPE = h265.FU_TYPE
    _SPROPS = ("sprop-vps", "sprop-sps", "sprop-pps")  # RFC 7798 §7.1
    _ROLES = bytes(_ROLES.get(h265.unit_type(byte), nal.OTHER) for byte in range(256))
    _PACKETS = bytes(_PACKETS.get(h265.unit_type(byte), nal.UNKNOWN) for byte in range(256))

    def _parameter_sets(self) -> ParameterSets[H265Config]:
        return ParameterSets(identify, describe, self.repairs)

    def _fragment_header(self, packet: bytes) -> bytes:
        # RFC 7798 §4.4.3: the payload header with the type of the FU header.
        return bytes((packet[12] & 0x81 | (packet[14] & h265.FU_TYPE) << 1, packet[13]))

    def _look_at_first_slice(self, unit: bytes) -> None:
        """The SPS tells how far pictures are out of order; B slices tell nothing in H.265."""

    def _is_recovery_point(self, unit: bytes) -> bool:  # noqa: ARG002 - SEI_PREFIX is no role here
        return False
