"""Offers of browsers and encoders, and the answers to them."""

from __future__ import annotations

from fuzz.target import Target, check_blame
from headwater.protocol.errors import ProtocolError
from headwater.protocol.sdp import SessionDescription
from headwater.protocol.webrtc.answer import AcceptedSection, Candidates, Identity, answer_text
from headwater.protocol.webrtc.offer import Offer

_IDENTITY = Identity("ufrag", "password", "AA:BB")
_CANDIDATES = Candidates(("192.0.2.1", "2001:db8::1"), 8189, 8189)


def run(data: bytes) -> None:
    try:
        offer = Offer.parse(data)
    except ProtocolError as error:
        check_blame(error)
        return
    accepted = [
        AcceptedSection(section.codecs[0], "sendonly", 1, "stream", ("nack",))
        if section.codecs
        else None
        for section in offer.sections
    ]
    text = answer_text(offer, accepted, _IDENTITY, _CANDIDATES, session_id=1, cname="name")
    lines = text.split("\r\n")
    # Nothing of an offer becomes a line of its own in the answer.
    assert sum(line.startswith("m=") for line in lines) == len(offer.sections)
    assert sum(line.startswith("a=mid:") for line in lines) == len(offer.sections)
    assert all(line.isprintable() for line in lines)
    if any(accepted):
        assert len(SessionDescription.parse(text).media) == len(offer.sections)


TARGET = Target(
    invariant="any bytes are an offer whose answer has as many sections, or a ProtocolError",
    run=run,
    words=(
        b"a=ice-ufrag:",
        b"a=ice-pwd:",
        b"a=fingerprint:sha-256 AA\r\n",
        b"a=setup:actpass\r\n",
        b"a=group:BUNDLE 0 1\r\n",
        b"a=mid:0\r\n",
        b"a=bundle-only\r\n",
        b"m=video 9 UDP/TLS/RTP/SAVPF 96\r\n",
        b"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
        b"a=rtpmap:96 H264/90000\r\n",
        b"a=fmtp:96 packetization-mode=1\r\n",
        b"a=recvonly\r\n",
        b"\xe2\x80\xa8",
    ),
    max_bytes=4_096,
)
