"""What H.264's parameter sets say (ITU-T H.264 §7.3.2)."""

from dataclasses import dataclass

from headwater.codecs.bits import BitReader, below
from headwater.codecs.nal.parameter_sets import SetKey, cut_behind_stop_bit, without_emulation
from headwater.codecs.nal.picture import PictureConfig, shown_size
from headwater.codecs.nal.video_usability import skip_to_timing
from headwater.protocol.payload import h264

# §7.3.2.1.1: profiles whose SPS tell chroma format and bit depth.
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_MOST_SPS, _MOST_PPS = 32, 256
_BASELINE = 66


@dataclass(frozen=True, slots=True)
class H264Sps:
    """A sequence parameter set."""

    number: int
    profile: int
    """`profile_idc`: 66 is Baseline, 77 Main, 100 High."""
    constraints: int
    """The byte of constraint flags between profile and level."""
    level: int
    """`level_idc`: ten times the level."""
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int
    width: int
    height: int
    frame_rate_hz: float | None
    """Pictures per second, where the VUI tells."""
    reorder_frames: int | None
    """How many pictures come in front of one that is shown before them; None where not told."""
    content_bits: int
    """Where the stop bit stands, in bits without emulation prevention."""

    @classmethod
    def parse(cls, unit: bytes) -> "H264Sps":
        """Read the NAL unit of an SPS.

        Raises:
            BitsEnd: it ends too early, or a number is out of its range.
        """
        bits = BitReader(without_emulation(unit))
        bits.skip(8)
        profile, constraints, level = bits.bits(8), bits.bits(8), bits.bits(8)
        number = below(bits.golomb(), _MOST_SPS)
        chroma_format, depth_luma, depth_chroma, separate = 1, 8, 8, False
        if profile in _HIGH_PROFILES:
            chroma_format = below(bits.golomb(), 4)
            separate = chroma_format == 3 and bits.flag()
            depth_luma, depth_chroma = 8 + below(bits.golomb(), 7), 8 + below(bits.golomb(), 7)
            bits.skip(1)
            if bits.flag():
                _skip_scaling_lists(bits, 8 if chroma_format != 3 else 12)
        bits.golomb()
        order = _skip_picture_order(bits)
        bits.golomb()
        bits.skip(1)
        width, height = 16 * (bits.golomb() + 1), 16 * (bits.golomb() + 1)
        fields = 1 if bits.flag() else 2
        bits.skip(1 if fields == 1 else 2)
        width, height = shown_size(
            bits,
            width,
            height * fields,
            chroma_format=chroma_format,
            separate=separate,
            fields=fields,
        )
        # §A.2.1, §8.2.1: Baseline has no B slices, and type 2 no order but that of decoding.
        reorder = 0 if order == 2 or profile == _BASELINE else None
        frame_rate = None
        if bits.flag():
            frame_rate, told = _read_usability(bits)
            reorder = reorder if told is None else told
        return cls(
            number=number,
            profile=profile,
            constraints=constraints,
            level=level,
            chroma_format=chroma_format,
            bit_depth_luma=depth_luma,
            bit_depth_chroma=depth_chroma,
            width=width,
            height=height,
            frame_rate_hz=frame_rate,
            reorder_frames=reorder,
            content_bits=bits.position,
        )


@dataclass(frozen=True, slots=True)
class H264Config(PictureConfig):
    """What a decoder of one track is set up with."""

    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    first: H264Sps
    """What the first SPS says."""


def describe(sets: dict[SetKey, bytes]) -> H264Config | None:
    """Make a configuration of the sets by their keys; None while SPS or PPS are missing."""
    sps = tuple(sets[key] for key in sorted(sets) if key[0] == h264.SPS)
    pps = tuple(sets[key] for key in sorted(sets) if key[0] == h264.PPS)
    return H264Config(sps, pps, H264Sps.parse(sps[0])) if sps and pps else None


def identify(unit: bytes) -> tuple[SetKey, bytes]:
    """Return the key of a parameter set, and the set without bytes behind its end.

    Raises:
        BitsEnd: it cannot be read.
    """
    kind = unit[0] & h264.TYPE_BITS
    if kind == h264.SPS:
        sps = H264Sps.parse(unit)
        return (kind, sps.number), cut_behind_stop_bit(unit, sps.content_bits)
    bits = BitReader(without_emulation(unit[1:16]))
    return (kind, below(bits.golomb(), _MOST_PPS)), unit


def _skip_scaling_lists(bits: BitReader, count: int) -> None:
    for index in range(count):
        if not bits.flag():
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + bits.signed_golomb()) % 256
            last = following or last


def _skip_picture_order(bits: BitReader) -> int:
    order = below(bits.golomb(), 3)
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.skip(1)
        bits.signed_golomb()
        bits.signed_golomb()
        for _ in range(below(bits.golomb(), 256)):
            bits.signed_golomb()
    return order


def _read_usability(bits: BitReader) -> tuple[float | None, int | None]:
    skip_to_timing(bits)
    frame_rate = None
    if bits.flag():
        tick, scale = bits.bits(32), bits.bits(32)
        bits.skip(1)
        # §E.2.1: a tick is a field's time.
        frame_rate = scale / (2 * tick) if tick and scale else None
    nal_reference = bits.flag()
    if nal_reference:
        _skip_reference_decoder(bits)
    vcl_reference = bits.flag()
    if vcl_reference:
        _skip_reference_decoder(bits)
    if nal_reference or vcl_reference:
        bits.skip(1)
    bits.skip(1)
    if not bits.flag():
        return frame_rate, None
    bits.skip(1)
    for _ in range(4):
        bits.golomb()
    reorder = bits.golomb()
    bits.golomb()
    return frame_rate, reorder if reorder <= 16 else None


def _skip_reference_decoder(bits: BitReader) -> None:
    count = below(bits.golomb(), 32) + 1
    bits.skip(8)
    for _ in range(count):
        bits.golomb()
        bits.golomb()
        bits.skip(1)
    bits.skip(20)
