"""Runs the owner's code so that what it does wrong costs one request and nobody else."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import TypeVar

from headwater.hooks.answers import (
    Allowed,
    MountVerdict,
    authentication_verdict,
    mount_verdict,
)
from headwater.hooks.errors import HookError
from headwater.hooks.isolation import HookCounters, HookIsolation
from headwater.hooks.notifications import Notification, NotificationQueue
from headwater.hooks.registry import Hooks
from headwater.hooks.request import HookRequest
from headwater.hooks.settings import HookSettings
from headwater.hooks.table import HOOK_BY_NAME, HOOKS
from headwater.hooks.threads import HookThreads, ThreadCounts
from headwater.log_pace import paced_logger
from headwater.net.socket_address import address_text
from headwater.side import Side

_log = paced_logger(__name__)

AnswerT = TypeVar("AnswerT")


class HookRunner:
    """The hooks of one side at work.

    Deciding hooks and notifications have threads of their own, so that slow notifications never
    keep a request waiting. `counters` has one entry per hook point, for reading only. Time-outs
    go by `clock`, seconds that only grow.
    """

    def __init__(
        self,
        hooks: Hooks,
        side: Side,
        settings: HookSettings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.hooks = hooks
        self.has: Callable[[object], bool] = hooks.names.__contains__
        """Whether a function is registered for the hook of this name."""
        self.side = side
        self.settings = settings or HookSettings()
        self._clock = clock
        self.counters: dict[str, HookCounters] = {p.name: HookCounters() for p in HOOKS}
        self._deciding, self._deciding_threads = self._isolation("decide")
        self._telling, self._telling_threads = self._isolation("notify")
        self._queue = NotificationQueue(
            self._deliver,
            max_pending=self.settings.max_pending_notifications,
            max_running=self.settings.max_threads,
        )

    @property
    def authentications_at_once(self) -> int:
        """How many calls of the `authentication` hook may run at once."""
        most = self.settings.max_authentications
        if all(hook.is_async for hook in self.hooks.registered("authentication")):
            return most
        return min(most, self.settings.max_threads)

    def apply(self, settings: HookSettings) -> None:
        """Go by other settings from the next call on; how many run at once stays as it is."""
        self.settings = settings
        for isolation in (self._deciding, self._telling):
            isolation.timeout_s = settings.timeout_s
        for threads in (self._deciding_threads, self._telling_threads):
            threads.max_stuck = settings.max_stuck_threads
        self._queue.max_pending = settings.max_pending_notifications

    def thread_counts(self) -> dict[str, ThreadCounts]:
        """Return the threads of plain hooks by what they do: `decide` and `notify`."""
        return {
            "decide": self._deciding_threads.counts(),
            "notify": self._telling_threads.counts(),
        }

    async def authentication(self, username: str, password: str, request: HookRequest) -> bool:
        """Ask the `authentication` hook; True when there is none. HookFailed, HookTimedOut.

        Both strings are empty when no Basic credentials came.
        """
        for hook in self.hooks.registered("authentication"):
            counters = self.counters["authentication"]
            fields = _request_fields(request)
            answer = await self._deciding.call(
                hook, (username, password, request), counters, fields=fields, secret=password
            )
            try:
                return authentication_verdict(answer)
            except ValueError as error:
                raise self._deciding.fail(hook, counters, str(error), fields) from None
        return True

    async def check_mount(self, request: HookRequest) -> MountVerdict:
        """Ask the `check_mount` hook; Allowed when there is none. HookFailed, HookTimedOut."""
        for hook in self.hooks.registered("check_mount"):
            counters = self.counters["check_mount"]
            fields = _request_fields(request)
            answer = await self._deciding.call(hook, (request,), counters, fields=fields)
            try:
                return mount_verdict(answer)
            except ValueError as error:
                raise self._deciding.fail(hook, counters, str(error), fields) from None
        return Allowed()

    async def mount_missing(
        self,
        path: str,
        query: str,
        request: HookRequest,
        read: Callable[[object], AnswerT],
    ) -> AnswerT | None:
        """Ask the `on_mount_missing` hook; None when there is none. HookFailed, HookTimedOut.

        `read` says what an answer means, or raises ValueError for one that is not allowed.
        """
        for hook in self.hooks.registered("on_mount_missing"):
            counters = self.counters["on_mount_missing"]
            fields = _request_fields(request)
            answer = await self._deciding.call(
                hook, (path, query, request), counters, fields=fields
            )
            try:
                return read(answer)
            except ValueError as error:
                raise self._deciding.fail(hook, counters, str(error), fields) from None
        return None

    def notify(self, name: str, *payload: object) -> None:
        """Tell the functions of a notification hook, without waiting for them.

        Events of one mount are told in order (those with no mount: of one session). Never raises
        for what a hook does; a notification that finds no room is dropped, counted and logged.
        """
        if not self.hooks.registered(name):
            return
        if self._queue.put(_order_key(payload), Notification(HOOK_BY_NAME[name], payload)):
            return
        self.counters[name].dropped += 1
        extra = {
            "hook": name,
            "side": self.side.value,
            "cause": f"{self._queue.pending_count} notifications are waiting",
            "dropped": sum(counters.dropped for counters in self.counters.values()),
            **_payload_fields(payload),
        }
        _log.error("notification dropped", extra=extra)

    async def aclose(self) -> None:
        """Give notifications under way `stop_grace_s` seconds, then cut them off."""
        cut_off = await self._queue.aclose(self.settings.stop_grace_s)
        if cut_off:
            extra = {
                "side": self.side.value,
                "hooks": sorted(set(cut_off)),
                "count": len(cut_off),
                "cause": f"not done {self.settings.stop_grace_s:g} s after the stop",
            }
            _log.error("notifications cut off at stop", extra=extra)
        for isolation in (self._deciding, self._telling):
            isolation.cancel_all()
        for threads in (self._deciding_threads, self._telling_threads):
            threads.close()

    async def _deliver(self, notification: Notification) -> None:
        name = notification.point.name
        fields = _payload_fields(notification.payload)
        for hook in self.hooks.registered(name):
            try:
                await self._telling.call(
                    hook, notification.payload, self.counters[name], fields=fields
                )
            except HookError:
                # Logged and counted where it was raised; the next function is told all the same.
                continue

    def _isolation(self, purpose: str) -> tuple[HookIsolation, HookThreads]:
        settings = self.settings
        threads = HookThreads(
            f"headwater-{self.side}-{purpose}",
            max_threads=settings.max_threads,
            max_stuck=settings.max_stuck_threads,
        )
        isolation = HookIsolation(
            threads, side=self.side, timeout_s=settings.timeout_s, clock=self._clock
        )
        return isolation, threads


def notify_both(publish: HookRunner, play: HookRunner, name: str, *payload: object) -> None:
    """Tell both sides about a mount; hooks that both sides share are told once."""
    publish.notify(name, *payload)
    if play.hooks is not publish.hooks:
        play.notify(name, *payload)


def _order_key(payload: tuple[object, ...]) -> Hashable:
    subject = payload[0]
    path = getattr(subject, "path", None)
    if isinstance(path, str):
        return path
    return "session", getattr(subject, "id", id(subject))


def _request_fields(request: HookRequest) -> dict[str, object]:
    peer = address_text(request.peer)
    return {"mount": request.path, "peer": peer, "method": request.method}


def _payload_fields(payload: tuple[object, ...]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for subject in payload:
        path, identity = getattr(subject, "path", None), getattr(subject, "id", None)
        if isinstance(path, str):
            fields["mount"] = path
        elif isinstance(identity, str):
            fields["session"] = identity
    return fields
