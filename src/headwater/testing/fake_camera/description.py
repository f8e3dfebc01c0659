"""The camera's SDP (RFC 4566)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headwater.testing.fake_camera.track import Track


def describe(tracks: Sequence[Track], host: str, controls: Sequence[str]) -> str:
    """The description, its lines in the order that RFC 4566 §5 demands."""
    return "".join(f"{line}\r\n" for line in _lines(tracks, host, controls))


def _lines(tracks: Sequence[Track], host: str, controls: Sequence[str]) -> Iterator[str]:
    kind = "IP6" if ":" in host else "IP4"
    any_address = "::" if ":" in host else "0.0.0.0"
    yield "v=0"
    yield f"o=- 1 1 IN {kind} {host}"
    yield "s=Fake camera"
    yield f"c=IN {kind} {any_address}"
    yield "t=0 0"
    yield "a=control:*"
    yield "a=range:npt=now-"
    for track, control in zip(tracks, controls, strict=True):
        yield f"m={track.media} 0 RTP/AVP {track.format or track.payload_type}"
        yield f"a=rtpmap:{track.payload_type} {track.encoding}"
        if track.fmtp:
            yield f"a=fmtp:{track.payload_type} {track.fmtp}"
        yield f"a=control:{control}"
