"""Where a decoder can begin: one detector per codec that has key frames."""

from collections.abc import Callable, Mapping

from headwater.media.key_frame.av1 import Av1KeyFrames
from headwater.media.key_frame.detector import KeyFrameDetector
from headwater.media.key_frame.h264 import H264KeyFrames
from headwater.media.key_frame.h265 import H265KeyFrames
from headwater.media.key_frame.mjpeg import MjpegKeyFrames
from headwater.media.key_frame.mpeg_ts import MpegTsKeyFrames
from headwater.media.key_frame.vp8 import Vp8KeyFrames
from headwater.media.key_frame.vp9 import Vp9KeyFrames

__all__ = ["DETECTORS", "KeyFrameDetector", "key_frame_detector"]

DETECTORS: Mapping[str, Callable[[], KeyFrameDetector]] = {
    "H264": H264KeyFrames,
    "H265": H265KeyFrames,
    "HEVC": H265KeyFrames,
    "VP8": Vp8KeyFrames,
    "VP9": Vp9KeyFrames,
    "AV1": Av1KeyFrames,
    "JPEG": MjpegKeyFrames,
    "MP2T": MpegTsKeyFrames,
}
"""By encoding name of `a=rtpmap` (or of a static payload type)."""


def key_frame_detector(encoding: str) -> KeyFrameDetector | None:
    """Return a new detector for one track; None for codecs without key frames, or unknown ones.

    Args:
        encoding: the track's encoding name, in any case.
    """
    build = DETECTORS.get(encoding.upper())
    return build() if build is not None else None
