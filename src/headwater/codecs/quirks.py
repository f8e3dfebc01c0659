"""What cameras and encoders get wrong in payloads, and how it is read all the same, each by name.

A depacketizer counts each repair by its name (`Depacketizer.repairs`), so that a status can tell
what a camera does. What they get wrong in RTSP and SDP is in the other rooms' `quirks.py`.
"""

from enum import Enum

START_CODE = b"\0\0\1"
"""ITU-T H.264 annex B: in front of a NAL unit in a byte stream, and never inside of one."""


class Repair(Enum):
    """What was wrong, and what was made of it."""

    MARKER_WITHOUT_PICTURE = "marker on parameter sets or SEI"
    """Tapo TC70 and Reolink Duo 2 set the marker on SPS, PPS and SEI as well. RFC 6184 §5.1 has it
    on the last packet of the access unit: these go with the picture that follows."""
    MARKER_ON_EACH_SLICE = "marker on each slice of a picture"
    """A picture that ended at its marker goes on with its next slice: from then on the access unit
    ends where the timestamp changes, and no marker is believed."""
    OWN_TIMESTAMP_OF_PARAMETERS = "parameter sets or SEI with a timestamp of their own"
    """Dahua and Reolink: they belong to the picture that follows, at its time (RFC 6184 §5.1)."""
    TIMESTAMP_CHANGES_IN_PICTURE = "timestamp changes inside a picture"
    """A fragment that goes on, or a slice that is not the first, belongs to the picture before,
    whatever its timestamp says. The first one counts."""
    NO_END_BIT = "fragment without an end bit"
    """RFC 6184 §5.8: the unit ends where the marker stands, or where the next one begins."""
    NO_START_BIT = "fragment without a start bit"
    """Where no packet is missing, the first fragment behind a whole unit begins the next one."""
    START_AND_END_BIT = "start and end bit on one fragment"
    """RFC 6184 §5.8 forbids it: one packet is one unit then."""
    HEADER_CHANGES_IN_FRAGMENT = "NAL unit header changes inside a fragmented unit"
    """The header of the first fragment counts."""
    START_CODES_IN_PACKET = "start codes inside a NAL unit"
    """A packet holds SPS, PPS and IDR as a byte stream with `00 00 01` between them. No NAL unit
    can contain these bytes (ITU-T H.264 §7.4.1), so it is cut there."""
    BYTES_BEHIND_PARAMETERS = "bytes behind the end of a parameter set"
    """Reolink sends stray bytes behind the stop bit of its SPS: they are cut off."""
    FRAME_IN_ADTS = "AAC frame in ADTS"
    """Each AU begins with the ADTS header of a file, which RFC 3640 §3.3.6 has no place for."""
    WIDTH_WRAPS = "picture wider than the payload format can tell"
    """RFC 2435 §3.1.5 has a byte for eighths of the width: cameras of 2560x1920 and 2560x1440 say
    512, a shape that no camera has. 2,048 pixels are put back."""
    UNTOLD_INDEX = "AU index that the SDP does not tell"
    """The SDP gives no `indexlength`, but the AU headers have 16 bits each, as in the mode
    AAC-hbr: 13 of size, 3 of index (RFC 3640 §3.3.6)."""


def annex_b_units(text: bytes) -> list[bytes]:
    """Cut a byte stream of NAL units at its start codes.

    `sprop-parameter-sets` of some cameras is such a stream, and so are some packets. Zero bytes in
    front of a start code belong to it (ITU-T H.264 §B.1): no NAL unit ends with one.
    """
    return [unit for part in text.split(START_CODE) if (unit := part.rstrip(b"\0"))]


def meant_clock(encoding: str, clock_rate_hz: int, channels: int) -> tuple[int, int]:
    """Return clock rate and channels that a description means.

    RFC 7587 §4.1: Opus is always `opus/48000/2`. Cameras that go2rtc knows write the rate and the
    channels of their microphone there instead, and send 48 kHz time stamps all the same.
    """
    return (48_000, 2) if encoding == "OPUS" else (clock_rate_hz, channels)
