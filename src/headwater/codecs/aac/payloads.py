"""AAC frames to payloads: as RFC 3640 has them, and in LATM (RFC 6416)."""

from headwater.codecs.access_unit import AccessUnit

HBR_PARAMETERS = "mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3"
"""What an SDP says of `aac_payloads`, beside `config`."""
_MOST_FRAME_BYTES = 0x1FFF
_ONE_HEADER = b"\0\x10"
"""RFC 3640 §3.2.1: AU headers of 16 bits follow."""


def aac_payloads(unit: AccessUnit, room: int) -> list[bytes]:
    """Return a frame in the mode AAC-hbr, in fragments where it is larger than `room` bytes.

    Raises:
        ValueError: the frame is larger than the mode can tell.
    """
    frame = b"".join(unit.units)
    if len(frame) > _MOST_FRAME_BYTES:
        raise ValueError(f"an AAC frame of {len(frame)} bytes, where RTP has 8,191 at most")
    # §3.3.6: 13 bits of size, which is the whole frame's in each fragment, and 3 of index.
    head = _ONE_HEADER + (len(frame) << 3).to_bytes(2, "big")
    size = room - len(head)
    return [head + frame[at : at + size] for at in range(0, len(frame), size)]


def latm_payloads(unit: AccessUnit, room: int) -> list[bytes]:
    """Return a frame as an element of its own, without the configuration: the SDP has it."""
    frame = b"".join(unit.units)
    if not frame:
        return []
    whole, rest = divmod(len(frame), 0xFF)
    # ISO/IEC 14496-3 §1.7.3.1, PayloadLengthInfo: 255 as often as it fits, then the rest.
    element = b"\xff" * whole + bytes((rest,)) + frame
    return [element[at : at + room] for at in range(0, len(element), room)]
