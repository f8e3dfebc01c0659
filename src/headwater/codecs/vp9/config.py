"""What a key frame of VP9 says of the stream (VP9 bitstream specification §6.2)."""

from dataclasses import dataclass

from headwater.codecs.bits import BitReader

_SYNC_CODE = 0x498342
_SRGB = 7
# VP9 specification annex A: level times ten by luma samples a second and of one picture.
_LEVELS = (
    (829_440, 36_864, 10),
    (2_764_800, 73_728, 11),
    (4_608_000, 122_880, 20),
    (9_216_000, 245_760, 21),
    (20_736_000, 552_960, 30),
    (36_864_000, 983_040, 31),
    (83_558_400, 2_228_224, 40),
    (160_432_128, 2_228_224, 41),
    (311_951_360, 8_912_896, 50),
    (588_251_136, 8_912_896, 51),
    (1_176_502_272, 8_912_896, 52),
    (1_176_502_272, 35_651_584, 60),
    (2_353_004_544, 35_651_584, 61),
)
_LARGEST_LEVEL = 62
_ASSUMED_RATE_HZ = 60
"""The stream does not tell its frame rate; a level too high plays, one too low may not."""


@dataclass(frozen=True, slots=True)
class Vp9Config:
    """What a decoder of one track is set up with."""

    profile: int
    bit_depth: int
    chroma_subsampling: int
    """As `vpcC` has it: 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4."""
    full_range: bool
    width: int
    height: int

    @property
    def level(self) -> int:
        """The smallest level, times ten, for pictures of this size 60 times a second."""
        picture = self.width * self.height
        rate = picture * _ASSUMED_RATE_HZ
        fitting = (level for most, size, level in _LEVELS if rate <= most and picture <= size)
        return next(fitting, _LARGEST_LEVEL)

    @classmethod
    def of_key_frame(cls, frame: bytes) -> "Vp9Config":
        """Read a key frame's uncompressed header.

        Raises:
            ValueError: it is none, or ends too early.
        """
        bits = BitReader(frame[:32])
        bits.skip(2)
        low, high = bits.bits(1), bits.bits(1)
        profile = high << 1 | low
        # In profile 3 a reserved bit, then show_existing_frame, frame_type, show_frame and
        # error_resilient_mode.
        bits.skip(5 if profile == 3 else 4)
        if bits.bits(24) != _SYNC_CODE:
            raise ValueError("a VP9 key frame without its sync code")
        depth = (12 if bits.flag() else 10) if profile >= 2 else 8
        odd = profile in (1, 3)
        if bits.bits(3) == _SRGB:
            full_range, across, down = True, 0, 0
            bits.skip(1 if odd else 0)
        else:
            full_range = bits.flag()
            across, down = (bits.bits(1), bits.bits(1)) if odd else (1, 1)
            bits.skip(1 if odd else 0)
        width, height = bits.bits(16) + 1, bits.bits(16) + 1
        return cls(profile, depth, 3 - across - (across & down), full_range, width, height)
