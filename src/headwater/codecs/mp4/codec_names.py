"""What codecs are called in MIME types (RFC 6381), as `MediaSource.isTypeSupported` wants it."""

from headwater.codecs.aac.config import AacConfig
from headwater.codecs.av1.config import Av1Config
from headwater.codecs.h264.parameters import H264Config
from headwater.codecs.h265.parameters import H265Config
from headwater.codecs.vp9.config import Vp9Config

OPUS, FLAC = "opus", "flac"
_UNSPECIFIED = "02.02.02"


def h264_name(config: H264Config, entry: str = "avc1") -> str:
    """Profile, constraints and level as they stand in the SPS (RFC 6381 §3.3)."""
    sps = config.first
    return f"{entry}.{sps.profile:02x}{sps.constraints:02x}{sps.level:02x}"


def h265_name(config: H265Config) -> str:
    """Profile, its compatibilities, tier, level and constraints (ISO/IEC 14496-15 annex E.3)."""
    told = config.first.profile
    space = ("", "A", "B", "C")[told.space]
    # The flag of profile 0 is the lowest bit here, where it is the first in the SPS.
    compatibility = int(f"{told.compatibility:032b}"[::-1], 2)
    tier = "H" if told.tier else "L"
    constraints = told.constraints.to_bytes(6, "big").rstrip(b"\0")
    parts = [f"hvc1.{space}{told.profile}", f"{compatibility:X}", f"{tier}{told.level}"]
    return ".".join(parts + [f"{byte:X}" for byte in constraints])


def av1_name(config: Av1Config) -> str:
    """Profile, level, tier and depth (AV1 in ISOBMFF §5)."""
    tier = "H" if config.tier else "M"
    return f"av01.{config.profile}.{config.level:02d}{tier}.{config.bit_depth:02d}"


def vp9_name(config: Vp9Config) -> str:
    """Profile, level and depth; the rest, all or none of it, where it is not what is assumed."""
    name = f"vp09.{config.profile:02d}.{config.level:02d}.{config.bit_depth:02d}"
    if config.chroma_subsampling == 1 and not config.full_range:
        return name
    return f"{name}.{config.chroma_subsampling:02d}.{_UNSPECIFIED}.{config.full_range:02d}"


def aac_name(config: AacConfig) -> str:
    """MPEG-4 audio (object type 0x40) and its own object type."""
    return f"mp4a.40.{config.object_type}"
