"""Single lines of a description, as a reader of a live mount gets them."""

from __future__ import annotations

from fuzz.target import Target
from fuzz.targets.sdp_words import SDP_WORDS
from headwater.protocol.sdp_line_for_readers import line_for_readers

WRITTEN_BY_THE_RELAY = frozenset("voctmrz")
ABOUT_THE_PUBLISHER = ("control", "rtcp", "rtcp-mux", "ssrc", "candidate", "setup", "fingerprint")


def run(data: bytes) -> None:
    for came in data.decode(errors="surrogateescape").replace("\r", "\n").split("\n"):
        line = line_for_readers(came)
        if line is None:
            continue
        assert len(line) <= max(len(came), len("a=recvonly"))
        assert line[1:2] == "="
        assert line[2:].strip()
        assert line[0] not in WRITTEN_BY_THE_RELAY
        assert "\n" not in line
        assert line_for_readers(line) == line
        if line[0] == "a":
            name = line[2:].partition(":")[0]
            assert name == name.strip()
            assert name.isascii()
            assert name.lower() not in {*ABOUT_THE_PUBLISHER, "sendonly", "sendrecv"}


TARGET = Target(
    invariant="any line is left out, or one clean line that passes unchanged again",
    run=run,
    words=(
        *SDP_WORDS,
        *(f"a={name}:x\n".encode() for name in ABOUT_THE_PUBLISHER),
        *(b"a= rtpmap :96\n", b"b= AS : 5\n", b"a=range:npt=now-\n", b"z=0 0\n", b"\xff", b"\x85"),
    ),
    max_bytes=512,
)
