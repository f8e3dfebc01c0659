"""Settings of the hooks: how long the owner's code may take, and how much of it runs at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from headwater.setting_fields import take_fields


@dataclass(frozen=True, kw_only=True, slots=True)
class HookSettings:
    """Bounds on the owner's code, so that a hook that hangs delays nobody but its own request."""

    timeout_s: Annotated[
        float,
        "Seconds that one call of a hook may take. A request whose hook takes longer is answered "
        "503; a notification that takes longer is given up and logged.",
    ] = 5.0
    max_threads: Annotated[
        int,
        "Threads in which plain (not async) hooks run, per side; as many again serve "
        "notifications. More calls than threads wait for one, within their time-out.",
    ] = 16
    max_authentications: Annotated[
        int,
        "Calls of the `authentication` hook that run at once, per side; plain ones are bounded by "
        "max_threads as well. Others wait for a place, at most timeout_s, and are answered 503 "
        "then. Addresses take turns; every second turn belongs to those from which somebody has "
        "logged in before.",
    ] = 64
    max_stuck_threads: Annotated[
        int,
        "Threads left behind in hooks that overran their time-out are replaced up to this number; "
        "with that many stuck and every thread taken, requests are answered 503 at once.",
    ] = 32
    max_pending_notifications: Annotated[
        int,
        "Notifications that may wait for slow hooks, per side. What comes on top is dropped, "
        "counted and logged; ends (closed, stopped) have as much room again.",
    ] = 10_000
    stop_grace_s: Annotated[
        float,
        "Seconds that notifications still running or waiting are given when the server stops.",
    ] = 5.0

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
