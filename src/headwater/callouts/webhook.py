"""Tells one of the owner's web servers what happens: in order for each mount, again if need be."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from headwater.callouts.signature import signature_headers
from headwater.callouts.web_client import WebClient, WebFailedError
from headwater.control.json_text import plain
from headwater.histogram import OF_ANSWERS_S, Histogram
from headwater.hooks.notifications import Notification, NotificationQueue
from headwater.hooks.table import HOOK_BY_NAME
from headwater.hooks.webhook_settings import WebhookSettings
from headwater.log_pace import paced_logger
from headwater.protocol.path_pattern import matches
from headwater.relay.events import Event
from headwater.shown_text import url_without_credentials

logger = paced_logger(__name__)

_FIRST_PAUSE_S: Final = 1.0
_MOST_PAUSE_S: Final = 60.0
_MOST_BYTES: Final = 65_536
"""Of an answer, which nobody reads."""


@dataclass(slots=True)
class WebhookCounters:
    """What became of events."""

    sent: int = 0
    tried_again: int = 0
    dropped: int = 0


class Webhook:
    """Listens to events, and sends them.

    Attributes:
        counters: for reading only.
        took: how many seconds each answer took.
    """

    def __init__(
        self,
        settings: WebhookSettings,
        clock: Callable[[], float],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.counters = WebhookCounters()
        self.took = Histogram(OF_ANSWERS_S)
        self.settings = settings
        self._clock = clock
        self._sleep = sleep
        self._client = WebClient(at_once=settings.at_once)
        self._queue = NotificationQueue(
            self._deliver, max_pending=settings.most_waiting, max_running=settings.at_once
        )

    @property
    def waiting(self) -> int:
        """Events that wait, or are being sent."""
        return self._queue.pending_count

    def put(self, event: Event) -> None:
        """Take what happened; it is dropped where too much waits."""
        settings = self.settings
        if settings.events and event.name.value not in settings.events:
            return
        if not matches(settings.path, event.path):
            return
        message = _Message.of(event)
        if not self._queue.put(event.path, Notification(HOOK_BY_NAME[event.name], (message,))):
            self._drop(message, f"{self._queue.pending_count} events are waiting")

    def close(self) -> None:
        """Do nothing: `aclose` is how it ends."""

    async def aclose(self, grace_s: float) -> None:
        """Send what waits for so many seconds, then drop the rest; a second call does nothing."""
        left = await self._queue.aclose(grace_s)
        self.counters.dropped += len(left)
        if left:
            logger.error(
                "events for a webhook dropped at the stop",
                extra={**self._named(), "count": len(left), "cause": f"not sent in {grace_s:g} s"},
            )
        await self._client.aclose()

    async def _deliver(self, notification: Notification) -> None:
        (message,) = notification.payload
        assert isinstance(message, _Message)  # noqa: S101 - what `put` has put there
        pause_s = _FIRST_PAUSE_S
        for left in reversed(range(self.settings.retries + 1)):
            cause = await self._post(message)
            if not cause:
                self.counters.sent += 1
                return
            if not left:
                self._drop(message, cause)
                return
            self.counters.tried_again += 1
            await self._sleep(pause_s)
            pause_s = min(2 * pause_s, _MOST_PAUSE_S)

    async def _post(self, message: _Message) -> str:
        """Send it once; return why that failed, "" where it did not."""
        settings, began_s = self.settings, self._clock()
        signed = signature_headers(settings.secret, message.id, int(time.time()), message.body)
        try:
            answer = await self._client.request(
                "POST",
                settings.url,
                timeout_s=settings.timeout_s,
                most_bytes=_MOST_BYTES,
                headers={"Content-Type": "application/json", **signed},
                content=message.body,
            )
        except WebFailedError as error:
            return str(error)
        finally:
            self.took.add(self._clock() - began_s)
        return "" if 200 <= answer.status < 300 else f"the answer has the status {answer.status}"

    def _drop(self, message: _Message, cause: str) -> None:
        self.counters.dropped += 1
        logger.error(
            "event for a webhook dropped",
            extra={
                **self._named(),
                "hook": message.event,
                "mount": message.path,
                "cause": cause,
                "dropped": self.counters.dropped,
            },
        )

    def _named(self) -> dict[str, object]:
        return {"url": url_without_credentials(self.settings.url)}


@dataclass(frozen=True, slots=True)
class _Message:
    """An event as it is sent, each time with the same id, so that who gets it twice can tell."""

    id: str
    event: str
    path: str
    body: bytes

    @classmethod
    def of(cls, event: Event) -> _Message:
        session = plain(event.session) if event.session is not None else None
        told = {
            "type": event.name.value,
            "timestamp": datetime.now(UTC).isoformat(),
            "data": {"path": event.path, "session": session, "cause": event.cause},
        }
        body = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
        return cls(f"msg_{uuid4().hex}", event.name.value, event.path, body)
