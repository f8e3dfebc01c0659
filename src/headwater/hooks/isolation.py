"""One call of one hook: bounded in time, its failure logged and contained."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

from headwater.histogram import OF_ANSWERS_S, Histogram
from headwater.hooks.errors import HookFailed, HookTimedOut
from headwater.hooks.registry import RegisteredHook
from headwater.hooks.stack import suspended_frames, traceback_of
from headwater.hooks.threads import HookExitError, HookThreads, ThreadsStuckError
from headwater.log_pace import paced_logger

_log = paced_logger(__name__)


@dataclass(slots=True)
class HookCounters:
    """What became of the calls of one hook."""

    calls: int = 0
    failures: int = 0
    timeouts: int = 0
    dropped: int = 0
    took: Histogram = field(default_factory=lambda: Histogram(OF_ANSWERS_S), compare=False)
    """Seconds that its calls took."""


class HookIsolation:
    """Calls hooks: async ones in a task of their own, plain ones in threads.

    A task of its own, rather than a time-out around the await, because a hook that swallows its
    cancellation must not hold the request, and one that is cancelled by something of its own
    must not cancel the connection.
    """

    def __init__(
        self, threads: HookThreads, *, side: str, timeout_s: float, clock: Callable[[], float]
    ) -> None:
        self._threads = threads
        self._clock = clock
        self._side = side
        self.timeout_s = timeout_s
        """For the calls that come next; it may be changed at any time."""
        self._tasks: set[asyncio.Task[object]] = set()

    async def call(
        self,
        hook: RegisteredHook,
        payload: tuple[object, ...],
        counters: HookCounters,
        *,
        fields: Mapping[str, object],
        secret: str = "",
    ) -> object:
        """Return what the hook returned.

        `fields` go into the log line of a failure; `secret` is kept out of it. Raises HookFailed
        when the hook raised, HookTimedOut when it took too long. When the caller is cancelled, so
        is the hook.
        """
        counters.calls += 1
        began_s = self._clock()
        task = asyncio.get_running_loop().create_task(self._run(hook, payload))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        try:
            await self._until_done(task)
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            counters.took.add(self._clock() - began_s)
        if not task.done():
            counters.timeouts += 1
            cause = f"took longer than {self.timeout_s:g} s"
            frames = self._threads.frames_of(task) or suspended_frames(task.get_coro())
            task.cancel()
            standing = HookTimedOut(hook.point.name, cause).with_traceback(traceback_of(frames))
            self._log("hook timed out", hook, fields, cause=cause, error=standing)
            # A second one, because the logged one's traceback would keep the frames alive.
            raise HookTimedOut(hook.point.name, cause)
        return self._answer(hook, task, counters, fields, secret)

    async def _until_done(self, task: asyncio.Task[object]) -> None:
        """Wait for a hook, at most for its time-out; a process that stood still waits on."""
        due_s = self._clock() + self.timeout_s
        while not task.done() and (left_s := due_s - self._clock()) > 0:
            await asyncio.wait({task}, timeout=left_s)

    def fail(
        self,
        hook: RegisteredHook,
        counters: HookCounters,
        cause: str,
        fields: Mapping[str, object],
    ) -> HookFailed:
        """Log and count an answer that is none; the exception to raise."""
        counters.failures += 1
        self._log("hook gave no usable answer", hook, fields, cause=cause)
        return HookFailed(hook.point.name, cause)

    def cancel_all(self) -> None:
        """Cancel every hook still running, those given up included."""
        for task in self._tasks:
            task.cancel()

    def _answer(
        self,
        hook: RegisteredHook,
        task: asyncio.Task[object],
        counters: HookCounters,
        fields: Mapping[str, object],
        secret: str,
    ) -> object:
        if task.cancelled():
            counters.failures += 1
            cause = "was cancelled from inside"
            self._log("hook failed", hook, fields, cause=cause)
            raise HookFailed(hook.point.name, cause)
        error = task.exception()
        if isinstance(error, ThreadsStuckError):
            counters.timeouts += 1
            self._log("hook had no thread to run in", hook, fields, cause=str(error))
            raise HookTimedOut(hook.point.name, str(error))
        if error is not None:
            counters.failures += 1
            shown = without_secret(error, secret)
            self._log(
                "hook failed", hook, fields, cause=f"raised {type(error).__name__}", error=shown
            )
            # Not chained: the exception is logged, and whoever prints this one must not print
            # what the hook's exception may quote.
            raise HookFailed(hook.point.name, f"raised {type(error).__name__}") from None
        return task.result()

    async def _run(self, hook: RegisteredHook, payload: tuple[object, ...]) -> object:
        arguments = payload[: hook.argument_count]
        try:
            if hook.is_async:
                return await hook.function(*arguments)
            answer = await self._threads.run(hook.function, *arguments)
            # A plain function may hand back the coroutine of another.
            return await answer if inspect.isawaitable(answer) else answer
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if isinstance(error, Exception):
                raise
            # asyncio would carry SystemExit and KeyboardInterrupt out of the loop and end the
            # server. A Ctrl-C comes as a signal, not as an exception of a hook.
            raise HookExitError(f"it raised {type(error).__name__}") from error

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # so that asyncio does not log it a second time

    def _log(
        self,
        message: str,
        hook: RegisteredHook,
        fields: Mapping[str, object],
        *,
        cause: str,
        error: BaseException | None = None,
    ) -> None:
        extra = {"hook": hook.point.name, "side": self._side, "cause": cause, **fields}
        _log.error(message, extra=extra, exc_info=error)


class _RedactedError(Exception):
    """Stands in a traceback for an exception whose text held a password."""


def without_secret(error: BaseException, secret: str) -> BaseException:
    """Return the exception for the log, or one that stands for it if its text has the secret."""
    if not secret or not any(secret in _texts(link) for link in _chain(error)):
        return error
    traceback: TracebackType | None = error.__traceback__
    text = f"{type(error).__name__} (its text is left out: it holds the password)"
    return _RedactedError(text).with_traceback(traceback)


def _texts(error: BaseException) -> str:
    try:
        said = f"{error}\n{error!r}"
    except Exception:  # noqa: BLE001 - the owner's exception may not even print
        said = ""
    return "\n".join([said, *map(str, getattr(error, "__notes__", ()))])


def _chain(error: BaseException) -> list[BaseException]:
    """Return the exception and everything that its traceback would print with it."""
    links: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is None or any(link is known for known in links):
            continue
        links.append(link)
        waiting += [link.__cause__, link.__context__]
        if isinstance(link, BaseExceptionGroup):
            waiting += link.exceptions
    return links
