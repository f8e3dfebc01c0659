"""The description of what a browser publishes, as readers by RTSP get it."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from headwater.codecs.h264.parameters import H264Config
from headwater.codecs.h265.parameters import H265Config
from headwater.protocol.sdp import SessionDescription
from headwater.webrtc.incoming_track import IncomingTrack

_NAMES = {"OPUS": "opus"}


def published_description(
    tracks: Sequence[IncomingTrack], configs: Sequence[object | None]
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


def _parameters(track: IncomingTrack, config: object | None) -> str:
    match config:
        case H264Config(sps=sps, pps=pps):
            sets = ",".join(map(_base64, (*sps, *pps)))
            profile = sps[0][1:4].hex()
            return f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={sets}"
        case H265Config(vps=vps, sps=sps, pps=pps):
            return ";".join(
                f"sprop-{name}={','.join(map(_base64, units))}"
                for name, units in (("vps", vps), ("sps", sps), ("pps", pps))
            )
        case _ if track.codec.encoding == "H264":
            return "packetization-mode=1"
        case _:
            return ""


def _base64(unit: bytes) -> str:
    return base64.b64encode(unit).decode()
