"""Where the mounts of a path are sent on to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from headwater.applies import NOW
from headwater.client.forwarding.order import ForwardOrder, check_target
from headwater.client.settings import ClientSettings, ClientTransport
from headwater.setting_fields import Choice, take_fields


class ForwardTransport(Choice):
    """The ways in which media goes to a server that records it; none records from a group."""

    AUTO = "auto"
    UDP = "udp"
    TCP = "tcp"


@dataclass(frozen=True, kw_only=True, slots=True)
class ForwardSettings:
    """Which servers get what is published on a path; `[paths."…"]` says it for chosen paths."""

    forward_to: Annotated[
        tuple[str, ...],
        NOW,
        "URLs (`rtsp://` or `rtsps://`, `user:password@` before the host) of servers to which this "
        "server sends what is published, by ANNOUNCE and RECORD. `{path}` in a URL stands for the "
        "path of the mount, `${NAME}` for a variable of the server's environment, and "
        "`${file:/path}` for the first line of a file.",
    ] = ()
    forward_transport: Annotated[
        ForwardTransport,
        NOW,
        "How media goes to the servers of `forward_to`: `tcp`, `udp`, or `auto`: TCP, and UDP "
        "where the server refuses TCP.",
    ] = ForwardTransport.AUTO
    forward_ca_file: Annotated[
        str,
        NOW,
        "Path of the certificates (PEM) of the authorities that sign those of `rtsps://` servers "
        "in `forward_to`. Empty: those of the system.",
    ] = ""
    forward_fingerprint: Annotated[
        str,
        NOW,
        "SHA-256 fingerprint of the certificate of `rtsps://` servers in `forward_to`; this "
        "certificate alone is then trusted.",
    ] = ""

    def __post_init__(self) -> None:
        take_fields(self)
        settings = self._client_settings()
        for url in self.forward_to:
            check_target(url, settings)

    def orders(self, path: str) -> tuple[ForwardOrder, ...]:
        """Return what is to be sent where, for the mount of a path."""
        settings = self._client_settings()
        return tuple(ForwardOrder.of(url, path, settings) for url in self.forward_to)

    def _client_settings(self) -> ClientSettings:
        return ClientSettings(
            transport=ClientTransport(self.forward_transport.value),
            ca_file=self.forward_ca_file,
            fingerprint=self.forward_fingerprint,
        )
