"""Offers as browsers and OBS write them, and what of them is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.protocol.errors import ProtocolError
from headwater.protocol.webrtc.answer import (
    AcceptedSection,
    Candidates,
    Identity,
    answer_text,
)
from headwater.protocol.webrtc.offer import Offer

OFFERS = Path(__file__).parent / "offers"
IDENTITY = Identity("server", "p" * 24, "AA:BB")


def read(name: str) -> bytes:
    """The text of an offer, with line ends as they are sent."""
    return (OFFERS / f"{name}.sdp").read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


# Fragment, mids of the bundle, and of each section: kind, direction, first codecs.
SEEN = {
    "chromium-156": ("zTfG", ("0", "1"), [("video", "recvonly"), ("audio", "recvonly")]),
    "firefox": ("1a2b3c4d", ("0", "1"), [("video", "recvonly"), ("audio", "recvonly")]),
    "safari": ("Sa9f", ("0", "1"), [("video", "recvonly"), ("audio", "recvonly")]),
    "obs": ("Ab3d", ("0", "1"), [("audio", "sendonly"), ("video", "sendonly")]),
}


@pytest.mark.parametrize("name", SEEN)
def test_offers_of_the_field(name: str) -> None:
    ufrag, bundled, sections = SEEN[name]
    offer = Offer.parse(read(name))
    assert (offer.ufrag, offer.bundled) == (ufrag, bundled)
    assert [(section.kind, section.direction) for section in offer.sections] == sections
    assert set(offer.fingerprints) == {"sha-256"}
    assert not any(section.rejected for section in offer.sections)
    encodings = {codec.encoding for section in offer.sections for codec in section.codecs}
    assert {"H264", "OPUS"} <= encodings
    assert any("nack pli" in section.feedback for section in offer.sections)


def test_codecs_keep_order_and_parameters() -> None:
    video = Offer.parse(read("safari")).sections[0]
    assert [codec.payload_type for codec in video.codecs if codec.encoding == "H264"] == [96, 98]
    assert video.codecs[0].parameters["profile-level-id"] == "640c1f"


CHANGES = {
    "no password": (b"a=ice-pwd", b"a=ice-x"),
    "no fragment": (b"a=ice-ufrag", b"a=ice-x"),
    "no fingerprint": (b"a=fingerprint:sha-256", b"a=fingerprint:md5"),
    "a passive peer": (b"a=setup:actpass", b"a=setup:passive"),
    "a mid of two words": (b"a=mid:0", b"a=mid:0 m=video"),
    "no media": (b"m=", b"x="),
}


@pytest.mark.parametrize(("old", "new"), CHANGES.values(), ids=CHANGES)
def test_offers_that_cannot_be_used(old: bytes, new: bytes) -> None:
    with pytest.raises(ProtocolError):
        Offer.parse(read("obs").replace(old, new))


def test_a_section_of_port_0_is_rejected_unless_it_is_in_a_bundle() -> None:
    text = read("obs").replace(b"m=audio 9", b"m=audio 0")
    assert Offer.parse(text).sections[0].rejected
    bundled = text.replace(b"a=mid:0", b"a=mid:0\r\na=bundle-only")
    assert not Offer.parse(bundled).sections[0].rejected


def test_the_answer_has_each_section_and_every_way_in() -> None:
    offer = Offer.parse(read("firefox"))
    codec = next(c for c in offer.sections[0].codecs if c.encoding == "H264")
    accepted = AcceptedSection(codec, "sendonly", 7, "headwater", ("nack",))
    text = answer_text(
        offer,
        [accepted, None],
        IDENTITY,
        Candidates(("192.0.2.1", "2001:db8::1"), 8189, 8189),
        session_id=1,
        cname="name",
    )
    lines = text.split("\r\n")
    assert [line for line in lines if line.startswith("m=")] == [
        "m=video 9 UDP/TLS/RTP/SAVPF 126",
        "m=audio 0 UDP/TLS/RTP/SAVPF 109",
    ]
    assert "a=group:BUNDLE 0" in lines
    assert "a=ssrc:7 cname:name" in lines
    candidates = [line.split() for line in lines if line.startswith("a=candidate")]
    assert [(c[2], c[4]) for c in candidates] == [
        ("udp", "192.0.2.1"),
        ("udp", "2001:db8::1"),
        ("tcp", "192.0.2.1"),
        ("tcp", "2001:db8::1"),
    ]
    priorities = [int(candidate[3]) for candidate in candidates]
    assert priorities == sorted(priorities, reverse=True)
    assert len(set(priorities)) == 4


def test_what_no_line_may_hold_is_left_out_of_a_codec() -> None:
    """Found by fuzzing: a parameter with a control character went into the answer."""
    text = read("obs").replace(b"useinbandfec=1", b"useinbandfec=a\x0bb")
    text = text.replace(b"a=rtpmap:96 H264", b"a=rtpmap:96 H\x7f264")
    audio, video = Offer.parse(text).sections
    assert "useinbandfec" not in audio.codecs[0].parameters
    assert video.codecs == ()
