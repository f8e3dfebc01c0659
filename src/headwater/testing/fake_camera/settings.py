"""What a fake camera is, as far as a real one could be so without a fault."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from enum import StrEnum

from headwater.testing.fake_camera import sample
from headwater.testing.fake_camera.credentials import Credentials
from headwater.testing.fake_camera.track import Track


class Transport(StrEnum):
    """How media travels."""

    UDP = "udp"
    TCP = "tcp"
    MULTICAST = "multicast"


METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN")
KEEP_ALIVES = ("GET_PARAMETER", "SET_PARAMETER")


@dataclass(frozen=True)
class CameraSettings:
    """All of it has a default: a camera of H.264 at 25 pictures a second on 127.0.0.1."""

    tracks: tuple[Track, ...] = field(default_factory=lambda: (sample.h264(),))
    path: str = "/stream"
    """The path and query of its URL."""
    host: str = "127.0.0.1"
    port: int = 0
    """Its TCP port; 0 takes a free one, and keeps it over a restart."""
    tls: ssl.SSLContext | None = None
    """With it the camera speaks rtsps only."""
    credentials: Credentials | None = None
    """Whom it lets in; None lets in everyone."""
    transports: frozenset[Transport] = frozenset({Transport.UDP, Transport.TCP})
    """The transports that SETUP accepts; 461 for all others."""
    group: str = "239.255.42.42"
    """The multicast group that it plays to."""
    group_interface: str | None = None
    """The address of the interface that multicast leaves by; None leaves it to the routes."""
    methods: tuple[str, ...] = METHODS + KEEP_ALIVES
    """The methods that it knows and offers by Public; 501 for all others."""
    controls: tuple[str, ...] = ()
    """The `a=control` of each track; without it trackID=0, trackID=1 and so on."""
    session_timeout_s: float = 60.0
    """A session that gives no sign of life for so long is ended."""
    advertised_timeout_s: int | None = None
    """What its Session header says instead of that time."""
    alive_by: frozenset[str] = frozenset(METHODS + KEEP_ALIVES + ("RTCP",))
    """What it takes for a sign of life: methods, and RTCP packets."""
    udp_becomes_tcp: bool = False
    """Answers SETUP for UDP with interleaved channels, and sends by them."""
    channel_offset: int = 0
    """It takes interleaved channels that are so much further than those it was asked for."""
    sends_from_told_ports: bool = True
    """Whether UDP packets come from the ports that server_port names."""
    bound_to_connection: bool = False
    """Whether a session ends with its connection over UDP too."""
    connections_at_most: int | None = None
    """One more connection is closed at once."""
    sessions_at_most: int | None = None
    """One more SETUP is answered 453."""
    pace: float | None = 1.0
    """1.0 plays in real time, 2.0 twice as fast, None as fast as the client takes it."""
    report_interval_s: float = 1.0
    """The time between sender reports."""
    seed: int = 1
    """Whatever is random about the camera (SSRC, first sequence number) follows from it."""
    server: str = "FakeCamera/1.0"
    """Its Server header."""
