"""Settings of WebRTC."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated

from headwater.applies import NEXT_SESSION, NOW, needs_restart
from headwater.setting_fields import take_fields
from headwater.webrtc.ice_server import IceServer


@dataclass(frozen=True, kw_only=True, slots=True)
class WebRtcSettings:
    """How media reaches browsers. It is there where `http.port` is set."""

    port: Annotated[
        int,
        needs_restart("the port of WebRTC opens and closes with the server"),
        "UDP port for the media of all browsers, and TCP port for those that cannot use UDP. Open "
        "both in the firewall. 0 picks a free port and logs it.",
    ] = 8189
    tcp: Annotated[
        bool,
        needs_restart("the port of WebRTC opens and closes with the server"),
        "Offer TCP on the same port to browsers whose network lets no UDP through.",
    ] = True
    hosts: Annotated[
        tuple[str, ...],
        NEXT_SESSION,
        "IP addresses at which browsers reach this server, if they are not its own: behind NAT, "
        "in a container. The address that a browser's request came to is always offered.",
    ] = ()
    ice_servers: Annotated[
        tuple[str, ...],
        NEXT_SESSION,
        "STUN and TURN servers for browsers that reach this server by no other way, such as "
        "`stun:stun.example.org:3478` or `turn:USER:PASSWORD@turn.example.org:3478`. Answers name "
        "them to everybody who may watch or publish (`Link` headers), and the page uses them.",
    ] = ()
    publish_bits_per_s: Annotated[
        int,
        NOW,
        "Bits a second that a browser may publish; it is told so each second, and sends 300,000 "
        "where it is told nothing. Encoders with a rate of their own do not heed it.",
    ] = 5_000_000

    def __post_init__(self) -> None:
        take_fields(self)
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port is {self.port}; a port is from 0 (any free one) to 65535")
        if not 10_000 <= self.publish_bits_per_s < 1 << 40:
            raise ValueError(
                f"publish_bits_per_s is {self.publish_bits_per_s}; it must be 10000 or more"
            )
        for text in self.ice_servers:
            try:
                IceServer.parse(text)
            except ValueError as error:
                # The text may hold a password.
                raise ValueError(f"ice_servers has one that cannot be read: {error}") from None
        for host in self.hosts:
            try:
                ip_address(host)
            except ValueError:
                raise ValueError(f"hosts has {host!r}, which is no IP address") from None
