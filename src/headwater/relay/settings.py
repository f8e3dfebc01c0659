"""What the relay asks of a server's settings, whoever gathers them."""

from __future__ import annotations

from typing import Protocol

from headwater.access.settings import AccessSettings
from headwater.hooks import HookSettings
from headwater.media.path_override import PathOverride
from headwater.media.settings import MountSettings
from headwater.net.settings import NetSections
from headwater.relay.limit_settings import LimitSettings
from headwater.transports.settings import RtpSettings


class RelaySettings(NetSections, Protocol):
    """The sections that the relay reads; `headwater.config.settings.Settings` has them all."""

    @property
    def rtp(self) -> RtpSettings:
        """Ports and transports."""

    @property
    def mounts(self) -> MountSettings:
        """How mounts behave."""

    def overrides_of(self, settings_class: type) -> tuple[PathOverride, ...]:
        """Return what differs of a room's settings for chosen paths."""

    @property
    def limits(self) -> LimitSettings:
        """How much is taken from peers."""

    @property
    def access(self) -> AccessSettings:
        """Which users there are, and what each of them may do."""

    @property
    def hooks(self) -> HookSettings:
        """Bounds on hooks."""
