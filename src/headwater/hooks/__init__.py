"""The owner's code: every hook point in one table, run with time-outs and in isolation."""

from headwater.hooks.answers import Allowed, MountVerdict, Redirect, Refused
from headwater.hooks.errors import HookError, HookFailed, HookTimedOut
from headwater.hooks.registry import (
    AuthenticationHook,
    CheckMountHook,
    Hooks,
    MountHook,
    MountMissingHook,
    MountSessionHook,
    SessionHook,
    SourceHook,
)
from headwater.hooks.request import HookRequest
from headwater.hooks.runner import HookRunner, notify_both
from headwater.hooks.settings import HookSettings
from headwater.hooks.table import HOOK_BY_NAME, HOOKS, HookPoint

__all__ = [
    "HOOKS",
    "HOOK_BY_NAME",
    "Allowed",
    "AuthenticationHook",
    "CheckMountHook",
    "HookError",
    "HookFailed",
    "HookPoint",
    "HookRequest",
    "HookRunner",
    "HookSettings",
    "HookTimedOut",
    "Hooks",
    "MountHook",
    "MountMissingHook",
    "MountSessionHook",
    "MountVerdict",
    "Redirect",
    "Refused",
    "SessionHook",
    "SourceHook",
    "notify_both",
]
