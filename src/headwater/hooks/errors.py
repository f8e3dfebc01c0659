"""What a hook that does not answer costs its request."""

from __future__ import annotations


class HookError(Exception):
    """A hook gave no usable answer; already logged when this is raised.

    Attributes:
        hook: name of the hook.
        status: RTSP status to answer the request with.
    """

    status = 500

    def __init__(self, hook: str, message: str) -> None:
        super().__init__(f"hook {hook} {message}")
        self.hook = hook


class HookFailed(HookError):  # noqa: N818 - it says what happened
    """The hook raised, or returned something that it must not: 500."""

    status = 500


class HookTimedOut(HookError):  # noqa: N818 - it says what happened
    """The hook overran its time-out, or no thread was left to run it: 503."""

    status = 503
