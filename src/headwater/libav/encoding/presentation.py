"""What is published, as SDP."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from headwater.codecs.configs import TrackConfig
from headwater.codecs.format_parameters import format_parameters
from headwater.libav.encoding.wishes import SoundCodec, SoundWishes, VideoCodec
from headwater.protocol.sdp import SessionDescription

_VIDEO_PAYLOAD_TYPE, _SOUND_PAYLOAD_TYPE = 96, 97
_STATIC_PAYLOAD_TYPES = {SoundCodec.PCMU: 0, SoundCodec.PCMA: 8}
"""RFC 3551 table 4."""
_RTPMAPS = {
    VideoCodec.H264: "H264/90000",
    VideoCodec.H265: "H265/90000",
}


@dataclass(frozen=True, slots=True)
class DescribedTrack:
    """One `m=` line."""

    kind: str
    payload_type: int
    rtpmap: str
    config: TrackConfig

    @property
    def encoding(self) -> str:
        """The name of its payload format, in capitals."""
        return self.rtpmap.partition("/")[0].upper()


def video_track(codec: VideoCodec, config: TrackConfig) -> DescribedTrack:
    """Return how a track of pictures is described."""
    return DescribedTrack("video", _VIDEO_PAYLOAD_TYPE, _RTPMAPS[codec], config)


def sound_track(wishes: SoundWishes, config: TrackConfig) -> DescribedTrack:
    """Return how a track of sound is described."""
    number = _STATIC_PAYLOAD_TYPES.get(wishes.codec, _SOUND_PAYLOAD_TYPE)
    match wishes.codec:
        case SoundCodec.OPUS:
            # RFC 7587 §7: the number of channels MUST be 2, whatever the sound has.
            rtpmap = "opus/48000/2"
        case SoundCodec.AAC:
            rtpmap = f"MPEG4-GENERIC/{wishes.sample_rate_hz}/{wishes.channels}"
        case law:
            rtpmap = f"{law.upper()}/8000"
    return DescribedTrack("audio", number, rtpmap, config)


def presentation_of(tracks: Iterable[DescribedTrack]) -> SessionDescription:
    """Return the description of tracks."""
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=frames", "t=0 0"]
    for track in tracks:
        number = track.payload_type
        lines += [f"m={track.kind} 0 RTP/AVP {number}", f"a=rtpmap:{number} {track.rtpmap}"]
        if parameters := format_parameters(track.config):
            lines.append(f"a=fmtp:{number} {parameters}")
        if track.kind == "video":
            lines.append(f"a=rtcp-fb:{number} nack pli")
    return SessionDescription.parse("\r\n".join([*lines, ""]))
