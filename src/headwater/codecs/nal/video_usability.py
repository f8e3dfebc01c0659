"""What H.264 and H.265 tell alike in the VUI parameters of an SPS (ITU-T H.264 §E.1.1)."""

from headwater.codecs.bits import BitReader

_EXTENDED_ASPECT = 255


def skip_to_timing(bits: BitReader) -> None:
    """Pass over aspect ratio, overscan, signal type and chroma location."""
    if bits.flag() and bits.bits(8) == _EXTENDED_ASPECT:
        bits.skip(32)
    if bits.flag():
        bits.skip(1)
    if bits.flag():
        bits.skip(4)
        if bits.flag():
            bits.skip(24)
    if bits.flag():
        bits.golomb()
        bits.golomb()
