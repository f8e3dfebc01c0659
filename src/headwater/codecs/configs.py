"""What decoders of tracks are set up with, of every codec."""

from headwater.codecs.aac.config import AacConfig
from headwater.codecs.av1.config import Av1Config
from headwater.codecs.flac import FlacConfig
from headwater.codecs.g711 import G711Config
from headwater.codecs.h264.parameters import H264Config
from headwater.codecs.h265.parameters import H265Config
from headwater.codecs.mjpeg.config import MjpegConfig
from headwater.codecs.opus import OpusConfig
from headwater.codecs.vp8.config import Vp8Config
from headwater.codecs.vp9.config import Vp9Config

VideoConfig = H264Config | H265Config | Vp8Config | Vp9Config | Av1Config | MjpegConfig
"""Each has `width` and `height`."""
SoundConfig = AacConfig | OpusConfig | G711Config | FlacConfig
"""Each has `sample_rate_hz` and `channels`."""
TrackConfig = VideoConfig | SoundConfig
