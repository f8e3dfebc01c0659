"""Which depacketizer takes a track's packets: one table by encoding name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headwater.codecs.aac.depacketizer import AacDepacketizer
from headwater.codecs.aac.latm import LatmDepacketizer
from headwater.codecs.av1.depacketizer import Av1Depacketizer
from headwater.codecs.configs import TrackConfig
from headwater.codecs.depacketizer import Depacketizer
from headwater.codecs.frame_depacketizer import FrameDepacketizer
from headwater.codecs.g711 import G711Config, G711Depacketizer
from headwater.codecs.h264.depacketizer import H264Depacketizer
from headwater.codecs.h265.depacketizer import H265Depacketizer
from headwater.codecs.mjpeg.depacketizer import MjpegDepacketizer
from headwater.codecs.opus import OpusDepacketizer
from headwater.codecs.quirks import meant_clock
from headwater.codecs.vp8.depacketizer import Vp8Depacketizer
from headwater.codecs.vp9.depacketizer import Vp9Depacketizer
from headwater.protocol.sdp import MediaDescription


@dataclass(frozen=True, slots=True)
class TrackFormat:
    """What the SDP says of the codec of one track."""

    encoding: str
    clock_rate_hz: int
    channels: int
    parameters: Mapping[str, str]
    """Format parameters (`a=fmtp`), names in lower case."""
    payload_types: tuple[int, ...]
    """Those that carry the codec."""

    @classmethod
    def of(cls, media: MediaDescription) -> "TrackFormat":
        """Read a track's description.

        Some cameras number `m=`, `a=rtpmap` and `a=fmtp` each in its own way: format parameters
        that stand under another number are taken where only one payload type has any.
        """
        maps, fmtps = media.rtpmap, media.fmtp
        carrying = [number for number, one in maps.items() if one.encoding == media.encoding]
        types = [number for number in media.formats if number not in maps or number in carrying]
        chosen = next((number for number in types if number in maps), None)
        if chosen is None:
            chosen = carrying[0] if carrying else -1
        parameters = fmtps.get(chosen)
        if parameters is None:
            with_parameters = [fmtp for fmtp in fmtps.values() if fmtp]
            parameters = with_parameters[0] if len(with_parameters) == 1 else {}
        channels = maps[chosen].channels if chosen in maps else 1
        clock_rate_hz, channels = meant_clock(media.encoding, media.clock_rate_hz, channels)
        return cls(
            encoding=media.encoding,
            clock_rate_hz=clock_rate_hz,
            channels=channels,
            parameters=parameters,
            payload_types=tuple(dict.fromkeys([*types, *carrying])),
        )


_Build = Callable[[TrackFormat, bool], Depacketizer[TrackConfig]]


def _of_parameters(
    kind: type[H264Depacketizer] | type[H265Depacketizer],
) -> _Build:
    return lambda track, keeps_damaged: kind.of_format(
        track.parameters, payload_types=track.payload_types, keeps_damaged=keeps_damaged
    )


def _of_frames(
    kind: type[FrameDepacketizer[TrackConfig]],
) -> _Build:
    return lambda track, keeps_damaged: kind(
        payload_types=track.payload_types, keeps_damaged=keeps_damaged
    )


def _aac(track: TrackFormat, _keeps_damaged: bool) -> Depacketizer[TrackConfig]:
    return AacDepacketizer(
        track.parameters,
        clock_rate_hz=track.clock_rate_hz,
        channels=track.channels,
        payload_types=track.payload_types,
    )


def _latm(track: TrackFormat, _keeps_damaged: bool) -> Depacketizer[TrackConfig]:
    return LatmDepacketizer(
        track.parameters, clock_rate_hz=track.clock_rate_hz, payload_types=track.payload_types
    )


def _opus(track: TrackFormat, _keeps_damaged: bool) -> Depacketizer[TrackConfig]:
    return OpusDepacketizer(payload_types=track.payload_types)


def _g711(track: TrackFormat, _keeps_damaged: bool) -> Depacketizer[TrackConfig]:
    config = G711Config(track.encoding, track.clock_rate_hz, track.channels)
    return G711Depacketizer(config, payload_types=track.payload_types)


DEPACKETIZERS: Mapping[str, _Build] = {
    "H264": _of_parameters(H264Depacketizer),
    "H265": _of_parameters(H265Depacketizer),
    "HEVC": _of_parameters(H265Depacketizer),
    "VP8": _of_frames(Vp8Depacketizer),
    "VP9": _of_frames(Vp9Depacketizer),
    "AV1": _of_frames(Av1Depacketizer),
    "JPEG": _of_frames(MjpegDepacketizer),
    "MPEG4-GENERIC": _aac,
    "MP4A-LATM": _latm,
    "OPUS": _opus,
    "PCMU": _g711,
    "PCMA": _g711,
}
"""By encoding name of `a=rtpmap` (or of a static payload type)."""


def depacketizer_for(
    media: MediaDescription, *, keeps_damaged: bool = False
) -> Depacketizer[TrackConfig] | None:
    """Return a new depacketizer for a track; None for codecs that are not known here.

    Args:
        media: the track's description.
        keeps_damaged: give damaged pictures too, instead of dropping them.
    """
    track = TrackFormat.of(media)
    build = DEPACKETIZERS.get(track.encoding)
    return build(track, keeps_damaged) if build is not None else None
