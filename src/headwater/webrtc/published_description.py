"""The description of what a browser publishes, as readers by RTSP get it."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.codecs.configs import TrackConfig
from headwater.codecs.format_parameters import format_parameters
from headwater.protocol.sdp import SessionDescription
from headwater.webrtc.incoming_track import IncomingTrack

_NAMES = {"OPUS": "opus"}


def published_description(
    tracks: Sequence[IncomingTrack], configs: Sequence[TrackConfig | None]
) -> SessionDescription:
    """Return a presentation of tracks; `configs` are what their decoders are set up with."""
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=WebRTC", "t=0 0"]
    for track, config in zip(tracks, configs, strict=True):
        codec, number = track.codec, track.payload_type
        channels = f"/{codec.channels}" if codec.channels > 1 else ""
        name = _NAMES.get(codec.encoding, codec.encoding)
        lines += [
            f"m={track.kind} 0 RTP/AVP {number}",
            f"a=rtpmap:{number} {name}/{codec.clock_rate_hz}{channels}",
        ]
        if parameters := _parameters(track, config):
            lines.append(f"a=fmtp:{number} {parameters}")
        if track.kind == "video":
            lines.append(f"a=rtcp-fb:{number} nack pli")
    return SessionDescription.parse("\r\n".join([*lines, ""]))


def _parameters(track: IncomingTrack, config: TrackConfig | None) -> str:
    if config is not None:
        return format_parameters(config)
    return "packetization-mode=1" if track.codec.encoding == "H264" else ""
