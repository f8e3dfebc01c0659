"""What decoders of tracks are set up with, of every codec."""

from headwater.codecs.av1.config import Av1Config
from headwater.codecs.h264.parameters import H264Config
from headwater.codecs.h265.parameters import H265Config
from headwater.codecs.mjpeg.config import MjpegConfig
from headwater.codecs.vp8.config import Vp8Config
from headwater.codecs.vp9.config import Vp9Config

VideoConfig = H264Config | H265Config | Vp8Config | Vp9Config | Av1Config | MjpegConfig
"""Each has `width` and `height`."""
TrackConfig = VideoConfig
