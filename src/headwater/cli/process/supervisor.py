"""Tell systemd how the service is, if it asks (sd_notify(3))."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, MutableMapping
from typing import Self

from headwater.control.status import Health
from headwater.log_pace import paced_logger

logger = paced_logger(__name__)

_STATUS_INTERVAL_S = 10.0
_STOP_ALLOWANCE_S = 30.0
"""What the stop may take on top of the drain: hooks' ends, closing connections."""


class Supervisor:
    """The service manager that started this process, or nobody.

    It learns when the server serves, how much it does, that its event loop still turns (where a
    watchdog was asked for), and when it stops.
    """

    def __init__(self, address: str, watchdog_s: float) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._interval_s = _STATUS_INTERVAL_S
        if watchdog_s:
            # sd_watchdog_enabled(3) recommends half of the time that systemd waits.
            self._interval_s = min(self._interval_s, watchdog_s / 2)
        self._watched = watchdog_s > 0
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        if address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str] = os.environ) -> Self:
        """Return the supervisor that the environment names, and remove it from there."""
        address = environment.pop("NOTIFY_SOCKET", "")
        watched = environment.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environment.pop("WATCHDOG_USEC", "")
        watchdog_s = int(microseconds) / 1e6 if watched and microseconds.isdecimal() else 0.0
        return cls(address if address[:1] in {"/", "@"} else "", watchdog_s)

    def ready(self, health: Callable[[], Health]) -> None:
        """Tell that the server serves, and from now on its `health` every few seconds."""
        if self._socket is not None:
            self._tell("READY=1")
            self._report(health)

    def stopping(self, drain_s: float) -> None:
        """Tell that the server begins to stop, which takes at least `drain_s` seconds."""
        microseconds = round((drain_s + _STOP_ALLOWANCE_S) * 1e6)
        self._tell("STOPPING=1", f"EXTEND_TIMEOUT_USEC={microseconds}")

    def close(self) -> None:
        """Tell systemd nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _report(self, health: Callable[[], Health]) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._interval_s, self._report, health)
        watchdog = ("WATCHDOG=1",) if self._watched else ()
        with contextlib.suppress(RuntimeError):  # the server has stopped
            self._tell(f"STATUS={_status_text(health())}", *watchdog)

    def _tell(self, *lines: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            # A supervisor that is gone or busy must not end what it supervises.
            logger.debug("the supervisor was not told", extra={"cause": str(error)})


def _status_text(health: Health) -> str:
    return (
        f"{health.state}: {health.mounts} mounts, {health.sessions} sessions, "
        f"{health.connections} connections"
    )
