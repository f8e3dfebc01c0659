"""Settings of the hooks: how long the owner's code may take, and how much of it runs at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from headwater.applies import NOW, needs_restart
from headwater.hooks.webhook_settings import WebhookSettings
from headwater.setting_fields import take_fields


@dataclass(frozen=True, kw_only=True, slots=True)
class HookSettings:
    """Bounds on the owner's code, so that a hook that hangs delays nobody but its own request."""

    timeout_s: Annotated[
        float,
        NOW,
        "Seconds that one call of a hook may take. If a hook that decides takes longer, the "
        "request is answered 503. If a hook that is told of an event takes longer, the call is "
        "given up and logged.",
    ] = 5.0
    max_threads: Annotated[
        int,
        needs_restart("the places for calls are counted out at the start"),
        "Threads for plain (not async) hooks that decide, for each side. Hooks that are told of "
        "events have as many threads again. If all threads are busy, a call waits for one, "
        "within its time-out.",
    ] = 16
    max_authentications: Annotated[
        int,
        needs_restart("the places for calls are counted out at the start"),
        "Calls of the `authentication` hook that run at once, for each side; for plain "
        "functions max_threads is a limit as well. Other calls wait for a place, for timeout_s "
        "at most, and are then answered 503. Addresses take turns; every second turn belongs to "
        "addresses from which somebody has logged in before.",
    ] = 64
    max_stuck_threads: Annotated[
        int,
        NOW,
        "How many threads that are stuck in a hook longer than its time-out are replaced by new "
        "ones. When that many are stuck and every thread is busy, requests are answered 503 at "
        "once.",
    ] = 32
    max_pending_notifications: Annotated[
        int,
        NOW,
        "Events that may wait for slow hooks, for each side. Further events are dropped, "
        "counted and logged. Events that tell of an end (closed, stopped) have as much room "
        "again.",
    ] = 10_000
    stop_grace_s: Annotated[
        float,
        NOW,
        "Seconds that running and waiting hooks, which are told of events, have when the server "
        "stops. Webhooks have the same time.",
    ] = 5.0
    webhooks: Annotated[
        tuple[WebhookSettings, ...], NOW, "Web servers of yours that are told of events."
    ] = ()

    def __post_init__(self) -> None:
        take_fields(self)
        if self.timeout_s <= 0:
            raise ValueError(f"timeout_s is {self.timeout_s}; it must be above 0")
        if self.stop_grace_s < 0:
            raise ValueError(f"stop_grace_s is {self.stop_grace_s}; it must be 0 or more")
        for name in ("max_threads", "max_authentications", "max_pending_notifications"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if self.max_stuck_threads < 0:
            raise ValueError(f"max_stuck_threads is {self.max_stuck_threads}; it must be 0 or more")
