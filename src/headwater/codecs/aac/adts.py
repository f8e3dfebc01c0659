"""The header that AAC frames have in files: ADTS (ISO/IEC 13818-7 §6.2)."""

from headwater.codecs.aac.config import SAMPLE_RATES_HZ, AacConfig

_WITHOUT_CRC = 0x01
_HEADER_BYTES = 7


def adts_header_bytes(frame: bytes) -> int:
    """Return how long the ADTS header is with which a frame begins; 0 where it has none.

    The header's own frame length has to agree, so that no raw frame is mistaken.
    """
    if len(frame) <= _HEADER_BYTES + 2 or frame[0] != 0xFF or frame[1] & 0xF6 != 0xF0:
        return 0
    if (frame[3] & 0x03) << 11 | frame[4] << 3 | frame[5] >> 5 != len(frame):
        return 0
    return _HEADER_BYTES if frame[1] & _WITHOUT_CRC else _HEADER_BYTES + 2


def adts_config(frame: bytes) -> AacConfig:
    """Return the configuration that an ADTS header tells.

    Raises:
        ValueError: it tells none.
    """
    index, channels = frame[2] >> 2 & 0x0F, (frame[2] & 0x01) << 2 | frame[3] >> 6
    if index >= len(SAMPLE_RATES_HZ):
        raise ValueError(f"sampling frequency index {index}")
    return AacConfig.of_track(
        SAMPLE_RATES_HZ[index], 8 if channels == 7 else channels, 1 + (frame[2] >> 6)
    )
