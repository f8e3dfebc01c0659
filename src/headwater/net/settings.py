"""Settings of sockets and TLS: every field with its unit and default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from headwater.setting_fields import Choice, take_fields


class TlsVersion(Choice):
    """The oldest TLS protocol version that is accepted."""

    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"


class ClientCertificates(Choice):
    """Whether a TLS peer shows a certificate of its own."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


_MOST_OPTION_BYTES: Final = 2**31 - 1
"""A size that goes to the kernel as a C int (setsockopt(2))."""
_MOST_READ_BYTES: Final = 2**24


def _check_at_most(name: str, value: int, maximum: int) -> None:
    if value > maximum:
        raise ValueError(f"{name} is {value}, allowed is {maximum} or less")


def _check_at_least(name: str, value: float, minimum: float) -> None:
    if not value >= minimum:
        raise ValueError(f"{name} is {value}, allowed is {minimum} or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class SocketSettings:
    """Kernel buffers and queue bounds of the sockets that carry media and requests."""

    udp_receive_buffer_bytes: Annotated[
        int,
        "Kernel receive buffer asked for each UDP socket, bytes. Too small a buffer loses packets "
        "in bursts; the kernel caps it at net.core.rmem_max.",
    ] = 4_194_304
    udp_send_buffer_bytes: Annotated[
        int,
        "Kernel send buffer asked for each UDP socket that serves readers, bytes. Capped by the "
        "kernel at net.core.wmem_max.",
    ] = 4_194_304
    tcp_send_buffer_bytes: Annotated[
        int,
        "Kernel send buffer of each TCP connection, bytes; 0 leaves it to the kernel's own tuning.",
    ] = 0
    tcp_unsent_bytes: Annotated[
        int,
        "Bytes that the kernel may hold of a TCP connection before it sends them; the rest waits "
        "in the reader's queue, where its age is seen and bounded. What is on its way does not "
        "count, so long links keep their speed. 0 leaves it to the kernel, which may hold "
        "megabytes.",
    ] = 131_072
    udp_pending_bytes: Annotated[
        int,
        "Bytes for the wire (buffer times readers) that may wait for a full UDP send buffer. Past "
        "it the track's readers lose, and count, what comes up to the next key frame.",
    ] = 33_554_432
    udp_pending_age_s: Annotated[
        float,
        "Seconds that packets may wait for a full UDP send buffer. Past it the track's readers "
        "lose, and count, what comes up to the next key frame.",
    ] = 0.5
    udp_packets_per_wake: Annotated[
        int, "Datagrams taken from one UDP socket before other sockets get their turn."
    ] = 256
    read_bytes: Annotated[int, "Bytes asked of a TCP connection in one read."] = 65_536
    reads_per_wake: Annotated[
        int, "Reads from one TCP connection before other connections get their turn."
    ] = 4
    close_deadline_s: Annotated[
        float, "Seconds that a closing connection may take to accept what is still queued for it."
    ] = 2.0
    descriptor_limit: Annotated[
        int, "Open file descriptors to ask the system for at start; 0 asks for all it allows."
    ] = 0

    def __post_init__(self) -> None:
        take_fields(self)
        for name, minimum in (
            ("udp_receive_buffer_bytes", 4_096),
            ("udp_send_buffer_bytes", 4_096),
            ("tcp_send_buffer_bytes", 0),
            ("tcp_unsent_bytes", 0),
            ("udp_pending_bytes", 0),
            ("udp_pending_age_s", 0.0),
            ("udp_packets_per_wake", 1),
            ("read_bytes", 1_024),
            ("reads_per_wake", 1),
            ("close_deadline_s", 0.0),
            ("descriptor_limit", 0),
        ):
            _check_at_least(name, getattr(self, name), minimum)
        for name, maximum in (
            ("udp_receive_buffer_bytes", _MOST_OPTION_BYTES),
            ("udp_send_buffer_bytes", _MOST_OPTION_BYTES),
            ("tcp_send_buffer_bytes", _MOST_OPTION_BYTES),
            ("tcp_unsent_bytes", _MOST_OPTION_BYTES),
            ("read_bytes", _MOST_READ_BYTES),
        ):
            _check_at_most(name, getattr(self, name), maximum)


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsSettings:
    """Certificate files and rules of `rtsps://`; without a certificate TLS is off."""

    certificate: Annotated[
        str, "Path of the PEM certificate chain, own certificate first; empty turns TLS off."
    ] = ""
    key: Annotated[
        str, "Path of the PEM private key; empty when it is in the certificate file."
    ] = ""
    minimum_version: Annotated[
        TlsVersion, "Oldest TLS version accepted; older peers fail the handshake."
    ] = TlsVersion.TLS_1_2
    client_certificates: Annotated[
        ClientCertificates, "Whether peers show a certificate; one that fails to verify is refused."
    ] = ClientCertificates.NONE
    client_ca: Annotated[
        str, "Path of the PEM certificates that may have issued client certificates."
    ] = ""
    handshake_deadline_s: Annotated[
        float, "Seconds a peer has for the TLS handshake before it is disconnected."
    ] = 10.0

    def __post_init__(self) -> None:
        take_fields(self)
        if not self.handshake_deadline_s > 0:
            raise ValueError(
                f"handshake_deadline_s is {self.handshake_deadline_s}, allowed is more than 0"
            )
        if self.key and not self.certificate:
            raise ValueError(f"key is {self.key!r}, allowed only together with certificate")
        if self.client_certificates is not ClientCertificates.NONE and not self.client_ca:
            raise ValueError(
                f"client_certificates is {self.client_certificates.value!r}, "
                "allowed only together with client_ca"
            )

    @property
    def enabled(self) -> bool:
        """Whether there is a certificate to serve TLS with."""
        return bool(self.certificate)
