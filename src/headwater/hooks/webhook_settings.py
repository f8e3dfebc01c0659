"""Settings of webhooks: web servers of the owner that are told what happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlsplit

from headwater.applies import NOW
from headwater.hooks.table import HOOK_BY_NAME, HOOKS
from headwater.protocol.path_pattern import check_pattern
from headwater.setting_fields import take_fields
from headwater.shown_text import url_without_credentials


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookSettings:
    """A web server of yours that is sent a POST for what happens. It needs the extra `web`."""

    url: Annotated[str, NOW, "Where to send it: http:// or https://."]
    secret: Annotated[
        str,
        NOW,
        "What each POST is signed with (HMAC-SHA256, as the Standard Webhooks have it): "
        "`whsec_` and base64, or any text. Empty: not signed.",
    ] = field(default="", repr=False)
    events: Annotated[
        tuple[str, ...],
        NOW,
        "Names of events, which are those of the hooks that may not refuse. Empty: all.",
    ] = ()
    path: Annotated[str, NOW, "Only those of paths that match this pattern."] = "**"
    timeout_s: Annotated[float, NOW, "Seconds that an answer may take."] = 5.0
    retries: Annotated[
        int,
        NOW,
        "How often a POST that was not answered by 200 to 299 is sent again, after 1, 2, 4 … s, "
        "at most 60 s. Then it is dropped, counted and logged.",
    ] = 6
    at_once: Annotated[int, NOW, "POSTs that are open at the same time, of different mounts."] = 8
    most_waiting: Annotated[
        int,
        NOW,
        "Events that may wait. Further ones are dropped, counted and logged; those that tell of "
        "an end have as much room again.",
    ] = 10_000

    def __post_init__(self) -> None:
        take_fields(self)
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            shown = url_without_credentials(self.url)
            raise ValueError(f"url is {shown!r}; it must be an http:// or https:// URL")
        told = [point.name for point in HOOKS if not point.may_refuse]
        for name in self.events:
            if name not in HOOK_BY_NAME or name not in told:
                raise ValueError(f"events has {name!r}; there are {', '.join(told)}")
        check_pattern(self.path)
        if self.timeout_s <= 0:
            raise ValueError(f"timeout_s is {self.timeout_s}; it must be above 0")
        if self.retries < 0:
            raise ValueError(f"retries is {self.retries}; it must be 0 or more")
        for name in ("at_once", "most_waiting"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
