"""Runs the owner's code so that what it does wrong costs one request and nobody else."""

from __future__ import annotations

from headwater.hooks.answers import Allowed, MountVerdict
from headwater.hooks.registry import Hooks
from headwater.hooks.request import HookRequest
from headwater.hooks.settings import HookSettings
from headwater.hooks.table import Side


class HookRunner:
    """The hooks of one side at work."""

    def __init__(self, hooks: Hooks, side: Side, settings: HookSettings | None = None) -> None:
        self.hooks = hooks
        self.side = side
        self.settings = settings or HookSettings()

    def has(self, name: str) -> bool:
        """Whether a function is registered for the hook."""
        return bool(self.hooks.registered(name))

    async def authentication(self, username: str, password: str, request: HookRequest) -> bool:
        """Ask the `authentication` hook; True when there is none. HookFailed, HookTimedOut."""
        return True

    async def check_mount(self, request: HookRequest) -> MountVerdict:
        """Ask the `check_mount` hook; Allowed when there is none. HookFailed, HookTimedOut."""
        return Allowed()

    def notify(self, name: str, *payload: object) -> None:
        """Tell the hook, in order per mount, without waiting; never raises."""

    async def aclose(self) -> None:
        """Give notifications under way `stop_grace_s` seconds, then cut them off."""


def notify_both(publish: HookRunner, play: HookRunner, name: str, *payload: object) -> None:
    """Tell both sides about a mount; hooks that both sides share are told once."""
    publish.notify(name, *payload)
    if play.hooks is not publish.hooks:
        play.notify(name, *payload)
