"""Settings of sockets and TLS: every field with its unit and default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from headwater.applies import NEXT_CONNECTION, NEXT_SESSION, needs_restart
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
        NEXT_SESSION,
        "Kernel receive buffer for each UDP socket, in bytes. If it is too small, bursts of "
        "packets are lost. The kernel allows at most net.core.rmem_max.",
    ] = 4_194_304
    udp_send_buffer_bytes: Annotated[
        int,
        NEXT_SESSION,
        "Kernel send buffer for each UDP socket that serves readers, in bytes. The kernel "
        "allows at most net.core.wmem_max.",
    ] = 4_194_304
    tcp_send_buffer_bytes: Annotated[
        int,
        NEXT_CONNECTION,
        "Kernel send buffer for each TCP connection, in bytes. 0: the kernel chooses.",
    ] = 0
    tcp_unsent_bytes: Annotated[
        int,
        NEXT_CONNECTION,
        "Bytes of a TCP connection that the kernel may hold before it sends them. The rest "
        "waits in the reader's queue, where the server sees and limits its age. Bytes that are "
        "on their way do not count, so long links stay fast. 0: the kernel chooses; it may hold "
        "megabytes.",
    ] = 131_072
    udp_pending_bytes: Annotated[
        int,
        NEXT_SESSION,
        "Bytes (buffer times readers) that may wait when a UDP send buffer is full. Beyond it, "
        "the track's readers lose packets up to the next key frame, and the server counts them.",
    ] = 33_554_432
    udp_pending_age_s: Annotated[
        float,
        NEXT_SESSION,
        "Seconds that packets may wait when a UDP send buffer is full. Beyond it, the track's "
        "readers lose packets up to the next key frame, and the server counts them.",
    ] = 0.5
    udp_packets_per_wake: Annotated[
        int,
        NEXT_SESSION,
        "How many datagrams the server takes from one UDP socket before other sockets have "
        "their turn.",
    ] = 256
    read_bytes: Annotated[
        int, NEXT_CONNECTION, "How many bytes the server asks for in one read of a TCP connection."
    ] = 65_536
    reads_per_wake: Annotated[
        int,
        NEXT_CONNECTION,
        "How many reads the server does on one TCP connection before other connections have "
        "their turn.",
    ] = 4
    close_deadline_s: Annotated[
        float,
        NEXT_CONNECTION,
        "Seconds that a peer may take to accept what still waits for it when its connection is "
        "being closed.",
    ] = 2.0
    descriptor_limit: Annotated[
        int,
        needs_restart("the system is asked once, when the server starts"),
        "How many open file descriptors the server asks the system for at its start. 0: as many "
        "as the system allows.",
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
        str,
        NEXT_CONNECTION,
        "Path of the certificate chain (PEM), with the server's own certificate first. Empty: "
        "no TLS.",
    ] = ""
    key: Annotated[
        str,
        NEXT_CONNECTION,
        "Path of the private key (PEM). Empty: the key is in the certificate file.",
    ] = ""
    minimum_version: Annotated[
        TlsVersion,
        NEXT_CONNECTION,
        "Oldest TLS version that the server accepts. The handshake with an older peer fails.",
    ] = TlsVersion.TLS_1_2
    client_certificates: Annotated[
        ClientCertificates,
        NEXT_CONNECTION,
        "Whether peers must show a certificate. A certificate that cannot be verified is always "
        "refused.",
    ] = ClientCertificates.NONE
    client_ca: Annotated[
        str,
        NEXT_CONNECTION,
        "Path of the certificates (PEM) of the authorities whose client certificates the server "
        "accepts.",
    ] = ""
    handshake_deadline_s: Annotated[
        float,
        NEXT_CONNECTION,
        "Seconds that a peer may take for the TLS handshake. Then the server disconnects it.",
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


class NetSections(Protocol):
    """The sections of a configuration that everything which listens reads."""

    @property
    def sockets(self) -> SocketSettings:
        """Kernel buffers and queues."""

    @property
    def tls(self) -> TlsSettings:
        """Certificates, and how long a handshake may take."""
