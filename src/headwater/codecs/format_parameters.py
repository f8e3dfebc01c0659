"""What an SDP says of a track to those who set up a decoder: the parameters of `a=fmtp`."""

import base64
from collections.abc import Iterable

from headwater.codecs.aac.config import AacConfig
from headwater.codecs.aac.payloads import HBR_PARAMETERS
from headwater.codecs.configs import TrackConfig
from headwater.codecs.h264.parameters import H264Config
from headwater.codecs.h265.parameters import H265Config


def format_parameters(config: TrackConfig) -> str:
    """Return the parameters of a track's payload format; "" where the codec needs none."""
    match config:
        case H264Config(sps=sps, pps=pps):
            profile = sps[0][1:4].hex()
            sets = _base64((*sps, *pps))
            return f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={sets}"
        case H265Config(vps=vps, sps=sps, pps=pps):
            return ";".join(
                f"sprop-{name}={_base64(units)}"
                for name, units in (("vps", vps), ("sps", sps), ("pps", pps))
            )
        case AacConfig(specific=specific):
            return f"streamtype=5;{HBR_PARAMETERS};config={specific.hex()}"
        case _:
            return ""


def _base64(units: Iterable[bytes]) -> str:
    return ",".join(base64.b64encode(unit).decode() for unit in units)
