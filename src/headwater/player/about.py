"""What a player is told of a mount: its tracks, and which ways to play it can work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from headwater.codecs.depacketizers import TrackFormat, depacketizer_for
from headwater.codecs.mp4.sample_entry import ENCODINGS as IN_MP4
from headwater.codecs.nal.picture import PictureConfig
from headwater.codecs.spoken import spoken
from headwater.media.mount import Mount
from headwater.media.settings import SoundByWebRtc
from headwater.protocol.sdp import MediaDescription

_PICTURES_OF_WEBRTC = frozenset({"H264", "H265", "HEVC", "VP8", "VP9", "AV1"})
_SOUND_OF_WEBRTC = frozenset({"OPUS", "PCMA", "PCMU"})
_KEPT = 64
"""Descriptions of tracks that were looked at; pages ask for the same ones again and again."""
_MADE_TO_OPUS = frozenset({"MPEG4-GENERIC", "MP4A-LATM"})


@dataclass(frozen=True, slots=True)
class _Looked:
    """What matters here of a track's description."""

    encoding: str
    has_b_frames: bool


@dataclass(frozen=True, slots=True)
class Offered:
    """One way to play a mount.

    Attributes:
        no: why it cannot work; None where it can.
        later: why other ways go before it; None where they do not.
    """

    no: str | None = None
    later: str | None = None


def tracks_of(mount: Mount) -> list[dict[str, str]]:
    """Return the kinds and codecs of a mount's tracks."""
    return [
        {"kind": track.media.kind, "codec": spoken(_looked_at(track.media).encoding)}
        for track in mount.tracks
    ]


def ways_of(
    mount: Mount, others: Sequence[str], *, makes_opus: bool = False
) -> Mapping[str, Offered]:
    """Return the ways to play a mount, by name.

    Args:
        mount: what is played.
        others: those that there are beside WebRTC and MSE and work for every mount that they can
            carry: `hls`, `snapshots`.
        makes_opus: whether the server can make Opus of AAC, for mounts whose owner wants it.
    """
    media = [track.media for track in mount.tracks]
    in_mp4 = Offered(_not_in(media, IN_MP4, "MP4"))
    known = {
        "webrtc": _webrtc(media, _heard(mount, makes_opus=makes_opus)),
        "mse": in_mp4,
        "hls": in_mp4,
        "snapshots": Offered(None if _of_kind(media, "video") else "the stream has no pictures"),
    }
    return {name: way for name, way in known.items() if name in {"webrtc", "mse", *others}}


def as_json(offered: Mapping[str, Offered]) -> dict[str, Any]:
    """Return the ways as the page reads them."""
    return {name: {"no": way.no, "later": way.later} for name, way in offered.items()}


def _heard(mount: Mount, *, makes_opus: bool) -> frozenset[str]:
    """Return the encodings of sound that browsers hear of a mount by WebRTC."""
    wanted = mount.settings.audio is SoundByWebRtc.OPUS
    return _SOUND_OF_WEBRTC | _MADE_TO_OPUS if wanted and makes_opus else _SOUND_OF_WEBRTC


def _webrtc(media: Sequence[MediaDescription], heard: frozenset[str]) -> Offered:
    if complaint := _not_in(media, _PICTURES_OF_WEBRTC | heard, "WebRTC"):
        return Offered(complaint)
    if any(_looked_at(one).has_b_frames for one in media):
        return Offered("the camera sends B-frames, which WebRTC cannot show")
    sound = _of_kind(media, "audio")
    if sound and not sound & heard:
        remedy = ' (the owner can set audio = "opus")' if sound & _MADE_TO_OPUS else ""
        return Offered(
            later=f"it would play without sound, since WebRTC has no {_listed(sound)}{remedy}"
        )
    return Offered()


def _not_in(media: Sequence[MediaDescription], carried: frozenset[str], by: str) -> str | None:
    """Return why a way cannot carry the pictures, or where there are none the sound."""
    wanted = _of_kind(media, "video") or _of_kind(media, "audio")
    if wanted & carried:
        return None
    return f"{by} cannot carry {_listed(wanted)}" if wanted else "there is nothing to play"


@lru_cache(maxsize=_KEPT)
def _looked_at(media: MediaDescription) -> _Looked:
    """Look whether the description says that pictures come out of their order, among others."""
    taker = depacketizer_for(media)
    config = None if taker is None else taker.config
    return _Looked(
        TrackFormat.of(media).encoding,
        isinstance(config, PictureConfig) and bool(config.reorder_frames),
    )


def _of_kind(media: Sequence[MediaDescription], kind: str) -> set[str]:
    return {_looked_at(one).encoding for one in media if one.kind == kind}


def _listed(encodings: set[str]) -> str:
    return " and ".join(sorted({spoken(one) for one in encodings}))
