"""AV1 in RTP packets (AOMedia's "RTP Payload Format For AV1")."""

CONTINUES = 0x80
"""Z: the first element goes on with the packet's before."""
CONTINUED = 0x40
"""Y: the last element goes on in the next packet."""
COUNT = 0x30
"""W: how many elements there are, the last without a size; 0 where each has one."""
ONE_UNIT = 0x10
NEW_SEQUENCE = 0x08
"""N: the first packet of a coded video sequence. §4.4 has all bits of the aggregation header."""

OBU_SEQUENCE_HEADER = 1
OBU_TEMPORAL_DELIMITER = 2
OBU_FRAME_HEADER = 3
OBU_FRAME = 6
OBU_TILE_LIST = 8
OBU_PADDING = 15


def obu_type(header: int) -> int:
    """Return the type that an OBU's first byte says (AV1 specification §5.3.2)."""
    return header >> 3 & 0x0F
