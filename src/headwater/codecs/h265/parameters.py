"""What H.265's parameter sets say (ITU-T H.265 §7.3.2)."""

from dataclasses import dataclass

from headwater.codecs.bits import BitReader, below
from headwater.codecs.h265.sps_parts import (
    ProfileTierLevel,
    skip_reference_decoder,
    skip_scaling_lists,
    skip_short_term_sets,
)
from headwater.codecs.nal.parameter_sets import SetKey, cut_behind_stop_bit, without_emulation
from headwater.codecs.nal.picture import PictureConfig, shown_size
from headwater.codecs.nal.video_usability import skip_to_timing
from headwater.protocol.payload import h265

_MOST = {h265.VPS: 16, h265.SPS: 16, h265.PPS: 64}


@dataclass(frozen=True, slots=True)
class H265Sps:
    """A sequence parameter set."""

    number: int
    profile: ProfileTierLevel
    sub_layers: int
    """How many temporal sub-layers there are."""
    nested: bool
    """`sps_temporal_id_nesting_flag`."""
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int
    width: int
    height: int
    reorder_frames: int
    """How many pictures come in front of one that is shown before them."""
    frame_rate_hz: float | None
    """Pictures per second, where the VUI tells."""
    content_bits: int | None
    """Where the stop bit stands, without emulation prevention; None where extensions follow."""

    @classmethod
    def parse(cls, unit: bytes) -> "H265Sps":
        """Read the NAL unit of an SPS.

        Raises:
            BitsEnd: it ends too early, or a number is out of its range.
        """
        bits = BitReader(without_emulation(unit))
        bits.skip(16 + 4)
        sub_layers = below(bits.bits(3), 7) + 1
        nested = bits.flag()
        profile = ProfileTierLevel.read(bits, sub_layers)
        number = below(bits.golomb(), _MOST[h265.SPS])
        chroma_format = below(bits.golomb(), 4)
        separate = chroma_format == 3 and bits.flag()
        width, height = bits.golomb(), bits.golomb()
        width, height = shown_size(
            bits, width, height, chroma_format=chroma_format, separate=separate
        )
        depth_luma, depth_chroma = 8 + below(bits.golomb(), 9), 8 + below(bits.golomb(), 9)
        order_bits = 4 + below(bits.golomb(), 13)
        reorder = 0
        for _ in range(sub_layers if bits.flag() else 1):
            bits.golomb()
            reorder = below(bits.golomb(), 17)
            bits.golomb()
        frame_rate, complete = _read_tail(bits, order_bits, sub_layers)
        return cls(
            number=number,
            profile=profile,
            sub_layers=sub_layers,
            nested=nested,
            chroma_format=chroma_format,
            bit_depth_luma=depth_luma,
            bit_depth_chroma=depth_chroma,
            width=width,
            height=height,
            reorder_frames=reorder,
            frame_rate_hz=frame_rate,
            content_bits=bits.position if complete else None,
        )


@dataclass(frozen=True, slots=True)
class H265Config(PictureConfig):
    """What a decoder of one track is set up with."""

    vps: tuple[bytes, ...]
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    first: H265Sps
    """What the first SPS says."""


def describe(sets: dict[SetKey, bytes]) -> H265Config | None:
    """Make a configuration of the sets by their keys; None while one of the kinds is missing."""
    vps, sps, pps = (
        tuple(sets[key] for key in sorted(sets) if key[0] == kind)
        for kind in (h265.VPS, h265.SPS, h265.PPS)
    )
    return H265Config(vps, sps, pps, H265Sps.parse(sps[0])) if vps and sps and pps else None


def identify(unit: bytes) -> tuple[SetKey, bytes]:
    """Return the key of a parameter set, and the set without bytes behind its end.

    Raises:
        BitsEnd: it cannot be read.
    """
    kind = h265.unit_type(unit[0])
    if kind == h265.SPS:
        sps = H265Sps.parse(unit)
        if sps.content_bits is not None:
            unit = cut_behind_stop_bit(unit, sps.content_bits)
        return (kind, sps.number), unit
    bits = BitReader(without_emulation(unit[2:16]))
    number = bits.bits(4) if kind == h265.VPS else bits.golomb()
    return (kind, below(number, _MOST[kind])), unit


def _read_tail(bits: BitReader, order_bits: int, sub_layers: int) -> tuple[float | None, bool]:
    """Read an SPS from the coding block sizes on: frame rate, and whether nothing follows."""
    for _ in range(6):
        bits.golomb()
    if bits.flag() and bits.flag():
        skip_scaling_lists(bits)
    bits.skip(2)
    if bits.flag():
        bits.skip(8)
        bits.golomb()
        bits.golomb()
        bits.skip(1)
    skip_short_term_sets(bits, below(bits.golomb(), 65))
    if bits.flag():
        for _ in range(below(bits.golomb(), 33)):
            bits.skip(order_bits + 1)
    bits.skip(2)
    frame_rate = _read_usability(bits, sub_layers) if bits.flag() else None
    return frame_rate, not bits.flag()


def _read_usability(bits: BitReader, sub_layers: int) -> float | None:
    skip_to_timing(bits)
    bits.skip(3)
    if bits.flag():
        for _ in range(4):
            bits.golomb()
    frame_rate = None
    if bits.flag():
        tick, scale = bits.bits(32), bits.bits(32)
        frame_rate = scale / tick if tick and scale else None
        if bits.flag():
            bits.golomb()
        if bits.flag():
            skip_reference_decoder(bits, sub_layers)
    if bits.flag():
        bits.skip(3)
        for _ in range(5):
            bits.golomb()
    return frame_rate
