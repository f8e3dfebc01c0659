"""Everything that one server asks and tells the owner's web servers, made of its settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from headwater.access.outside_settings import JwtSettings
from headwater.access.settings import AccessSettings
from headwater.callouts.json_web_keys import UnreadableKeysError
from headwater.callouts.owner_server import OwnerServer
from headwater.callouts.signed_tokens import SignedTokens
from headwater.callouts.webhook import Webhook
from headwater.hooks.settings import HookSettings
from headwater.hooks.webhook_settings import WebhookSettings
from headwater.relay.relay import Relay


@dataclass(frozen=True, slots=True)
class CalloutPlan:
    """What some settings ask for, made and not yet used.

    Attributes:
        tokens: reads signed tokens.
        owner: asks the owner's server.
    """

    tokens: SignedTokens | None
    owner: OwnerServer | None
    webhooks: tuple[WebhookSettings, ...]
    access: AccessSettings


class Callouts:
    """They change with the settings: what was open before is ended beside the loop's work.

    Attributes:
        webhooks: those that are told what happens.
    """

    def __init__(self, relay: Relay) -> None:
        self.webhooks: list[Webhook] = []
        self._relay = relay
        self._plan = CalloutPlan(None, None, (), AccessSettings())
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def tokens(self) -> SignedTokens | None:
        """What reads signed tokens."""
        return self._plan.tokens

    @property
    def owner(self) -> OwnerServer | None:
        """What asks the owner's server."""
        return self._plan.owner

    def prepare(self, access: AccessSettings, hooks: HookSettings) -> CalloutPlan:
        """Return what these settings ask for; files are read. Raises ValueError."""
        before, clock = self._plan, self._relay.clock
        tokens, owner = before.tokens, before.owner
        # A file may have changed where its name has not.
        if access.jwt != before.access.jwt or access.jwt.key_file or access.jwt.secret_file:
            tokens = _tokens(access.jwt, clock) if access.jwt.enabled else None
        if access.ask != before.access.ask:
            owner = OwnerServer(access.ask, clock) if access.ask.url else None
        return CalloutPlan(tokens, owner, hooks.webhooks, access)

    def take(self, plan: CalloutPlan, grace_s: float) -> None:
        """Go by a plan; webhooks that are no more have `grace_s` for what waits."""
        before, self._plan = self._plan, plan
        admission = self._relay.admission
        admission.tokens, admission.owner = plan.tokens, plan.owner
        if plan.tokens is not None and plan.tokens is not before.tokens:
            plan.tokens.start()
        if before.tokens is not None and before.tokens is not plan.tokens:
            self._end(before.tokens.aclose())
        if before.owner is not None and before.owner is not plan.owner:
            self._end(before.owner.aclose())
        if before.webhooks != plan.webhooks:
            self._take_webhooks(plan.webhooks, grace_s)

    async def aclose(self, grace_s: float) -> None:
        """Send what waits for so many seconds, then end everything; a second call does nothing."""
        self.take(CalloutPlan(None, None, (), AccessSettings()), grace_s)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _take_webhooks(self, wanted: tuple[WebhookSettings, ...], grace_s: float) -> None:
        events = self._relay.events
        going = [webhook for webhook in self.webhooks if webhook.settings not in wanted]
        staying = {webhook.settings: webhook for webhook in self.webhooks}
        for webhook in going:
            events.remove(webhook)
            self._end(webhook.aclose(grace_s))
        self.webhooks = [
            staying.get(settings) or Webhook(settings, self._relay.clock) for settings in wanted
        ]
        for webhook in self.webhooks:
            events.add(webhook)

    def _end(self, closing: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(closing)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _tokens(jwt: JwtSettings, clock: Callable[[], float]) -> SignedTokens:
    try:
        return SignedTokens(jwt, clock)
    except (UnreadableKeysError, OSError, ValueError) as error:
        name = "key_file" if jwt.key_file else "secret_file"
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"access.jwt.{name} cannot be used: {why}") from None
