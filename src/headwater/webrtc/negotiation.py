"""Which of a mount's tracks goes into which section of an offer, and as what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from headwater.protocol.webrtc.answer import AcceptedSection
from headwater.protocol.webrtc.offer import Codec, Offer, OfferedSection
from headwater.webrtc.incoming_track import IncomingTrack
from headwater.webrtc.view_track import ViewTrack

_UNDERSTOOD: Final = ("nack", "nack pli", "ccm fir")
"""Of feedback. A relay cannot adapt to estimates of the rate, so it asks for none."""
_STREAM: Final = "headwater"
_RECEIVES: Final = frozenset({"recvonly", "sendrecv"})
_SENDS: Final = frozenset({"sendonly", "sendrecv"})
_FIRST_NUMBER: Final = 96
"""Of payload types: readers by RTSP take those from 96 on for dynamic ones (RFC 3551 §3)."""
_TAKEN: Final = {
    "video": frozenset({"H264", "H265", "VP8", "VP9", "AV1"}),
    "audio": frozenset({"OPUS", "PCMU", "PCMA"}),
}
_SAVPF: Final = frozenset({"UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF", "RTP/SAVPF"})
_CONSTRAINED_BASELINE: Final = "42e0"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What is agreed: the answer's sections, and each track's payload type."""

    sections: tuple[AcceptedSection | None, ...]
    payload_types: Mapping[int, int]


def agree(offer: Offer, tracks: Iterable[ViewTrack]) -> Agreement:
    """Give each section that wants to receive the first track that it can play."""
    left = list(tracks)
    sections: list[AcceptedSection | None] = []
    payload_types: dict[int, int] = {}
    for place, section in enumerate(offer.sections):
        found = None
        if _may(offer, section, _RECEIVES, first=not any(sections) and place == 0):
            found = next(((t, c) for t in left if (c := codec_for(t, section.codecs))), None)
        if found is None:
            sections.append(None)
            continue
        track, codec = found
        left.remove(track)
        payload_types[track.index] = codec.payload_type
        sections.append(
            AcceptedSection(
                codec=codec,
                direction="sendonly",
                ssrc=track.ssrc,
                stream=_STREAM,
                feedback=tuple(name for name in _UNDERSTOOD if name in section.feedback)
                if track.is_video
                else (),
            )
        )
    return Agreement(tuple(sections), payload_types)


def agree_to_receive(
    offer: Offer,
) -> tuple[tuple[AcceptedSection | None, ...], tuple[IncomingTrack, ...]]:
    """Take the first picture and the first sound that is offered, each in the best codec."""
    sections: list[AcceptedSection | None] = []
    tracks: list[IncomingTrack] = []
    taken: set[str] = set()
    for place, section in enumerate(offer.sections):
        codec = None
        if section.kind not in taken and _may(offer, section, _SENDS, first=place == 0):
            codec = _best(section)
        if codec is None:
            sections.append(None)
            continue
        taken.add(section.kind)
        number = _FIRST_NUMBER + len(tracks)
        tracks.append(IncomingTrack(len(tracks), section.kind, codec, number))
        asked = (*_UNDERSTOOD, "goog-remb") if section.kind == "video" else ()
        feedback = tuple(name for name in asked if name in section.feedback)
        sections.append(AcceptedSection(codec, "recvonly", None, _STREAM, feedback))
    return tuple(sections), tuple(tracks)


def _best(section: OfferedSection) -> Codec | None:
    """Return the codec that the peer wants most, of those that are taken."""
    chosen = (
        _CHOICES[codec.encoding]([codec])
        for codec in section.codecs
        if codec.encoding in _TAKEN.get(section.kind, ())
    )
    return next(filter(None, chosen), None)


def codec_for(track: ViewTrack, offered: Sequence[Codec]) -> Codec | None:
    """Return the offered codec that carries a track; None where there is none."""
    fitting = [codec for codec in offered if codec.encoding == track.encoding]
    return _CHOICES[track.encoding](fitting)


def _may(offer: Offer, section: OfferedSection, directions: frozenset[str], *, first: bool) -> bool:
    # All media shares one transport: what is in no bundle with it could not be told apart.
    shares = section.mid in offer.bundled or (not offer.bundled and first)
    return (
        shares
        and not section.rejected
        and section.protocol.upper() in _SAVPF
        and section.direction in directions
    )


def _h264(offered: Sequence[Codec]) -> Codec | None:
    """Return constrained baseline where it is offered: decoders take what comes, whatever it says.

    RFC 6184 §8.1: packets of fragments and of several units are of packetization mode 1.
    """
    fitting = [c for c in offered if c.parameters.get("packetization-mode") == "1"]
    best = next(
        (
            codec
            for codec in fitting
            if codec.parameters.get("profile-level-id", "")
            .lower()
            .startswith(_CONSTRAINED_BASELINE)
        ),
        fitting[0] if fitting else None,
    )
    if best is None:
        return None
    parameters = {
        "level-asymmetry-allowed": "1",
        "packetization-mode": "1",
        "profile-level-id": best.parameters.get("profile-level-id", "42e01f"),
    }
    return replace(best, parameters=parameters)


def _first_profile(offered: Sequence[Codec]) -> Codec | None:
    """Return VP9 of profile 0, which is what encoders send (RFC 9628 §6)."""
    return next((c for c in offered if c.parameters.get("profile-id", "0") == "0"), None)


def _any(offered: Sequence[Codec]) -> Codec | None:
    return next(iter(offered), None)


def _sound_8_khz(offered: Sequence[Codec]) -> Codec | None:
    return next((c for c in offered if c.clock_rate_hz == 8_000 and c.channels == 1), None)


_CHOICES: Final[Mapping[str, Callable[[Sequence[Codec]], Codec | None]]] = {
    "H264": _h264,
    "H265": _any,
    "VP8": _any,
    "VP9": _first_profile,
    "AV1": _any,
    "OPUS": _any,
    "PCMU": _sound_8_khz,
    "PCMA": _sound_8_khz,
}
