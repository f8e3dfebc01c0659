"""Session descriptions as readers get them."""

from __future__ import annotations

import re

from fuzz.target import Target
from fuzz.targets.sdp_words import SDP_WORDS
from headwater.protocol.errors import ProtocolError
from headwater.protocol.sdp import MulticastEndpoint, SessionDescription

LINE = re.compile(rb"[msiuepbkavoct]=[^\r\n\0]*[^\s\0][^\r\n\0]*")


def run(data: bytes) -> None:
    try:
        presentation = SessionDescription.parse(data)
    except ProtocolError:
        return
    relayed = presentation.relayed(address="192.0.2.1")
    lines = relayed.split(b"\r\n")
    assert lines.pop() == b""
    assert all(LINE.fullmatch(line) for line in lines), relayed
    assert lines[0] == b"v=0"
    assert lines[1].endswith(b" IN IP4 192.0.2.1")
    again = SessionDescription.parse(relayed)
    usable = [index for index, media in enumerate(presentation.media) if media.usable_formats]
    assert [media.control for media in again.media] == [f"trackID={index}" for index in usable]
    for media in again.media:
        assert media.port == 0
        assert media.direction not in ("sendonly", "sendrecv")
        assert media.protocol == media.profile
        assert media.format_names == media.usable_formats
    if len(usable) == len(presentation.media):
        assert again.relayed(address="192.0.2.1") == relayed
        assert presentation.compatible_with(again) is None, relayed
    endpoints = [
        MulticastEndpoint("239.0.0.1" if index % 2 else "ff02::1", 5000 + 2 * index, 1)
        for index in range(len(presentation.media))
    ]
    multicast = presentation.multicast(endpoints, address="2001:db8::1", name="n")
    for index, media in zip(usable, SessionDescription.parse(multicast).media, strict=True):
        assert media.port == 5000 + 2 * index


TARGET = Target(
    invariant="what readers get has clean lines, the usable tracks under our controls, and relays "
    "again unchanged",
    run=run,
    words=SDP_WORDS,
    max_bytes=1024,
)
