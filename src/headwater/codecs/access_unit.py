"""What depacketizers give and packetizers take: one picture, or one frame of sound."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture, or one frame of sound, whole unless `damaged` says otherwise."""

    timestamp: int
    """RTP timestamp, 32 bits, in units of the track's clock rate: when it is shown."""
    units: tuple[bytes, ...]
    """What it consists of, in order, without start codes, sizes or descriptors: NAL units of H.264
    and H.265, OBUs (each with its size field) of AV1, frames of the spatial layers of VP9, and the
    one frame of all else."""
    key_frame: bool = True
    """A decoder can begin here. NAL units of a key frame begin with all parameter sets."""
    damaged: bool = False
    """Packets of it are missing, or of a picture since the last key frame."""
    duration: int = 0
    """How long it lasts, in units of the clock rate; 0 where the payload does not tell."""
    bidirectional: bool = False
    """It has slices that refer to pictures shown later (H.264's B): pictures come out of order."""
