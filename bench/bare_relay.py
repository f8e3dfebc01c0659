"""The floor under a relay: a program in C that does nothing but relay, as a server to stand beside.

It answers RTSP as the load speaks it and passes packets on by the same system calls as this server,
with nothing checked, counted, kept for readers that come later, or reported.
"""

from pathlib import Path

from bench.native import SOURCES, compiled
from bench.peers import Peer

SOURCE = Path(__file__).parent / "bare_relay.c"
NAME = "bare-relay"


def bare_relay() -> Peer:
    """Return it, compiled on first use; raises RuntimeError without a C compiler."""
    program = compiled(NAME, [SOURCE], [SOURCES / "rtsp_text.h"], ())
    url = "rtsp://127.0.0.1:{publish_port}/{mount}"
    command = (str(program), "{publish_port}", "{rtp_port}")
    return Peer(NAME, command, publish_url=url, play_url=url)
