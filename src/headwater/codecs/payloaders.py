"""How access units of each codec are cut into payloads: one table by encoding name."""

from collections.abc import Mapping

from headwater.codecs.aac.payloads import aac_payloads, latm_payloads
from headwater.codecs.av1.payloads import av1_payloads
from headwater.codecs.g711 import g711_payloads
from headwater.codecs.h264.payloads import h264_payloads
from headwater.codecs.h265.payloads import h265_payloads
from headwater.codecs.mjpeg.payloads import mjpeg_payloads
from headwater.codecs.opus import opus_payloads
from headwater.codecs.packetizer import Payloader
from headwater.codecs.vp8.payloads import vp8_payloads
from headwater.codecs.vp9.payloads import vp9_payloads

PAYLOADERS: Mapping[str, Payloader] = {
    "H264": h264_payloads,
    "H265": h265_payloads,
    "HEVC": h265_payloads,
    "VP8": vp8_payloads,
    "VP9": vp9_payloads,
    "AV1": av1_payloads,
    "JPEG": mjpeg_payloads,
    "MPEG4-GENERIC": aac_payloads,
    "MP4A-LATM": latm_payloads,
    "OPUS": opus_payloads,
    "PCMU": g711_payloads,
    "PCMA": g711_payloads,
}
"""By encoding name of `a=rtpmap`."""
