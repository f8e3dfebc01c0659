"""What asks and tells the owner's web servers: loaded only where the settings have it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING

from headwater.config.settings import Settings
from headwater.control.figures import CalloutFigures, Timed
from headwater.relay.relay import Relay

if TYPE_CHECKING:
    from headwater.callouts.callouts import CalloutPlan, Callouts

_NEEDED = ("httpx", "jwt", "cryptography")


def setting_with_callouts(settings: Settings) -> str:
    """Return the setting that has the server ask or tell another; "" where none has."""
    if settings.access.jwt.enabled:
        return "access.jwt"
    if settings.access.ask.url:
        return "access.ask.url"
    return "hooks.webhooks" if settings.hooks.webhooks else ""


def load_callouts(settings: Settings) -> None:
    """Load what these settings need. Raises ValueError where a package is not installed."""
    setting = setting_with_callouts(settings)
    if not setting:
        return
    try:
        for name in _NEEDED:
            import_module(name)
        import_module("headwater.callouts.callouts")
    except ImportError as error:
        raise ValueError(
            f"{setting} is set; it needs the package {error.name}: "
            "in the folder of Headwater's source, pip install '.[web]'"
        ) from error


class CalloutsInUse:
    """Those of one server; there are none before settings want some."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self.callouts: Callouts | None = None
        """None until settings want some."""

    def figures(self) -> CalloutFigures | None:
        """Return what is counted; None where there is nothing to count."""
        callouts = self.callouts
        if callouts is None:
            return None
        events = dict.fromkeys(("sent", "tried_again", "dropped"), 0)
        for webhook in callouts.webhooks:
            for name in events:
                events[name] += getattr(webhook.counters, name)
        owner, keys = callouts.owner, callouts.tokens and callouts.tokens.keys
        return CalloutFigures(
            webhook_events=events,
            webhook_waiting=sum(webhook.waiting for webhook in callouts.webhooks),
            questions=asdict(owner.counters) if owner is not None else {},
            key_fetches=getattr(keys, "fetches", 0),
        )

    def timed(self) -> Iterator[Timed]:
        """Yield how long answers of the owner's servers took."""
        callouts = self.callouts
        if callouts is None:
            return
        if callouts.owner is not None:
            doc = "How long the owner's server took to say who may."
            yield Timed("owner_answer_seconds", doc, callouts.owner.took)
        for number, webhook in enumerate(callouts.webhooks):
            doc = "How long webhooks took to answer, by their place in the settings."
            yield Timed("webhook_seconds", doc, webhook.took, {"webhook": str(number)})

    def prepare(self, settings: Settings) -> CalloutPlan | None:
        """Return what these settings ask for, behind `load_callouts`. Raises ValueError."""
        if self.callouts is None:
            if not setting_with_callouts(settings):
                return None
            from headwater.callouts.callouts import Callouts

            self.callouts = Callouts(self._relay)
        return self.callouts.prepare(settings.access, settings.hooks)

    def take(self, plan: CalloutPlan | None, settings: Settings) -> None:
        """Go by a plan."""
        if self.callouts is not None and plan is not None:
            self.callouts.take(plan, settings.hooks.stop_grace_s)

    async def aclose(self, grace_s: float) -> None:
        """End all of them; what waits for webhooks has `grace_s`."""
        if self.callouts is not None:
            await self.callouts.aclose(grace_s)
