"""What one running server asks of its settings, whoever gathers them."""

from __future__ import annotations

from typing import Protocol

from headwater.access.settings import AccessSettings
from headwater.hooks import HookSettings
from headwater.media.settings import MountOverride, MountSettings
from headwater.net.settings import SocketSettings, TlsSettings
from headwater.server.settings import LimitSettings, ServerSettings, SessionSettings
from headwater.transports.settings import RtpSettings


class ServiceSettings(Protocol):
    """The sections that the server reads; `headwater.config.settings.Settings` has them all."""

    @property
    def server(self) -> ServerSettings:
        """Where it listens."""

    @property
    def sessions(self) -> SessionSettings:
        """How long sessions live."""

    @property
    def rtp(self) -> RtpSettings:
        """Ports and transports."""

    @property
    def mounts(self) -> MountSettings:
        """How mounts behave."""

    @property
    def mount_overrides(self) -> tuple[MountOverride, ...]:
        """How chosen mounts behave."""

    @property
    def limits(self) -> LimitSettings:
        """How much is taken from peers."""

    @property
    def access(self) -> AccessSettings:
        """Who may."""

    @property
    def hooks(self) -> HookSettings:
        """Bounds on hooks."""

    @property
    def sockets(self) -> SocketSettings:
        """Kernel buffers and queues."""

    @property
    def tls(self) -> TlsSettings:
        """Certificates."""
