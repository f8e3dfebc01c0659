"""What can be chosen about one connection to another server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from headwater.net.client_tls import fingerprint_of
from headwater.setting_fields import Choice, take_fields
from headwater.transports.settings import TransportKind
from headwater.version import __version__

USER_AGENT = f"Headwater/{__version__}"


class ClientTransport(Choice):
    """The ways in which a client takes media or sends it."""

    AUTO = "auto"
    UDP = "udp"
    TCP = "tcp"
    MULTICAST = "multicast"

    @property
    def kind(self) -> TransportKind | None:
        """The one way that it names; None for `auto`."""
        return None if self is ClientTransport.AUTO else TransportKind(self.value)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientSettings:
    """How a client connects, logs in and waits; defaults are right for most cameras."""

    transport: Annotated[
        ClientTransport,
        "How media comes: `udp`, `tcp` (inside the RTSP connection), `multicast`, or `auto`: UDP, "
        "and TCP where the server refuses UDP, no packet comes for `udp_silence_s`, or there is a "
        "NAT between. `auto` over rtsps is `tcp`, which TLS encrypts.",
    ] = ClientTransport.AUTO
    username: Annotated[
        str, "The user's name; empty: the one in the URL. It goes to the URL's own host only."
    ] = ""
    password: Annotated[str, "The password; empty: the one in the URL."] = ""
    digest_only: Annotated[
        bool,
        "Do not log in where the server takes the password only as it is (Basic): whoever is "
        "between, or in the server's place, could read it.",
    ] = False
    user_agent: Annotated[str, "What the client calls itself."] = USER_AGENT
    ca_file: Annotated[
        str,
        "Path of the certificates (PEM) of the authorities that the client trusts for rtsps. "
        "Empty: those of the system.",
    ] = ""
    fingerprint: Annotated[
        str,
        "SHA-256 fingerprint of the server's certificate, in hexadecimal. The client then trusts "
        "this certificate alone, whoever signed it, whatever its name and dates.",
    ] = ""
    any_port: Annotated[
        bool,
        "Take UDP media from any port of the server's address, for cameras that send from other "
        "ports than they say.",
    ] = False
    connect_timeout_s: Annotated[
        float, "Seconds for the TCP connection, and again for the TLS handshake."
    ] = 10.0
    answer_timeout_s: Annotated[float, "Seconds that the server may take for each answer."] = 10.0
    udp_silence_s: Annotated[
        float, "With transport `auto`: seconds without a packet over UDP until TCP is tried."
    ] = 3.0
    silence_timeout_s: Annotated[
        float, "Seconds without a packet, on all tracks together, until the client gives up."
    ] = 10.0
    keep_alive_s: Annotated[
        float,
        "Most seconds between two requests that keep the session alive. Half the time-out that "
        "the server says goes before it where that is less.",
    ] = 25.0
    max_redirects: Annotated[int, "How many times the client follows a server elsewhere."] = 3

    def __post_init__(self) -> None:
        take_fields(self)
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        if self.max_redirects < 0:
            raise ValueError(f"max_redirects is {self.max_redirects}; it must be 0 or more")
        if self.fingerprint:
            fingerprint_of(self.fingerprint)


_POSITIVE = (
    "connect_timeout_s",
    "answer_timeout_s",
    "udp_silence_s",
    "silence_timeout_s",
    "keep_alive_s",
)
