"""All forwards of a server: which mounts go where, by the settings of paths and by the program."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from headwater.client.forwarding.order import ForwardOrder, check_target
from headwater.client.forwarding.settings import ForwardSettings
from headwater.client.forwarding.snapshot import ForwardSnapshot
from headwater.client.settings import ClientSettings
from headwater.client.surroundings import Surroundings
from headwater.media.mount import Mount
from headwater.media.observer import MountObserver, ObservedMount
from headwater.media.path_difference import PathDifference
from headwater.media.path_override import PathOverride, changes_in, settings_for
from headwater.media.publisher import Publisher
from headwater.protocol.path_pattern import check_pattern, matches
from headwater.relay.relay import Relay
from headwater.relay.settings import RelaySettings

if TYPE_CHECKING:
    from headwater.client.forwarding.forward import Forward

_NOT_WANTED = "it is not to be forwarded any more"


class Forwards(MountObserver):
    """Starts a forward when its mount opens, and ends it with the mount.

    What the program asked for goes before what the settings say of the same mount and URL.
    """

    def __init__(self, relay: Relay, settings: RelaySettings) -> None:
        self._relay = relay
        self._sockets = settings.sockets
        self._overrides = _of_room(settings.overrides_of(ForwardSettings))
        # What the program asked for: path or pattern and URL, and how the client connects.
        self._asked: dict[tuple[str, str], ClientSettings] = {}
        self._running: dict[tuple[str, str], Forward] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._stopped = False
        relay.watch_mounts(self)
        relay.path_watch.register(ForwardSettings, self._paths_changed)

    def ask(self, pattern: str, url: str, settings: ClientSettings) -> None:
        """Forward the mounts of a path or pattern from now on.

        Raises ValueError for a pattern or a URL that cannot be used.
        """
        check_pattern(pattern)
        check_target(url, settings)
        self._asked[pattern, url] = settings
        self._look_at_all()

    def ask_no_more(self, pattern: str, url: str) -> bool:
        """Take back what `ask` was told; False where it was not told that."""
        if self._asked.pop((pattern, url), None) is None:
            return False
        self._look_at_all()
        return True

    def snapshots(self) -> Iterator[ForwardSnapshot]:
        """Yield the forwards of the mounts that are open."""
        for forward in tuple(self._running.values()):
            yield forward.snapshot()

    def mount_opened(self, mount: ObservedMount) -> None:
        """Begin to forward a mount."""
        opened = self._relay.mounts.get(mount.path)
        if opened is not None and (self._overrides or self._asked):
            self._look_at(opened)

    def publisher_started(self, mount: ObservedMount, publisher: Publisher) -> None:  # noqa: ARG002
        """Begin or end the forwards of a mount whose publisher moved between processes."""
        self.mount_opened(mount)

    def mount_closed(self, mount: ObservedMount, reason: str) -> None:
        """End the forwards of a mount. One that has opened on its path since has its own."""
        for forward in tuple(self._running.values()):
            if forward.mount is mount:
                self._end(forward, reason)

    async def aclose(self) -> None:
        """End all forwards; the other servers are told."""
        self._stopped = True
        for forward in tuple(self._running.values()):
            self._end(forward, "server stopped")
        if self._ending:
            await asyncio.wait(tuple(self._ending))

    def _paths_changed(self, difference: PathDifference) -> None:
        self._overrides = _of_room(difference.overrides)
        self._look_at_all()

    def _look_at_all(self) -> None:
        for mount in self._relay.mounts:
            self._look_at(mount)

    def _look_at(self, mount: Mount) -> None:
        """Have the forwards of a mount that are wanted, and no others; leave the rest alone."""
        if self._stopped:
            return
        # The process that has the publisher forwards, and nobody beside it.
        pulled = self._relay.name_space.pulls(mount.path)
        wanted = {} if pulled else self._wanted(mount.path)
        for forward in tuple(self._running.values()):
            order = forward.order
            if order.path == mount.path and (
                forward.mount is not mount or wanted.get(order.key) != order
            ):
                self._end(forward, _NOT_WANTED)
        for key, order in wanted.items():
            if key not in self._running:
                self._begin(order, mount)

    def _wanted(self, path: str) -> dict[tuple[str, str], ForwardOrder]:
        orders = [*settings_for(path, ForwardSettings(), self._overrides).orders(path)]
        orders += [
            ForwardOrder.of(url, path, settings)
            for (pattern, url), settings in self._asked.items()
            if matches(pattern, path)
        ]
        return {order.key: order for order in orders}

    def _begin(self, order: ForwardOrder, mount: Mount) -> None:
        # Loaded here: most servers forward nothing, and need no client.
        from headwater.client.forwarding.forward import Forward

        around = Surroundings.of(self._relay, self._sockets)
        # The other server must be rid of what went there before.
        before = [task for task in self._ending if task.get_name() == _name(order)]
        self._running[order.key] = forward = Forward(order, mount, self._relay, around, before)
        forward.task.set_name(_name(order))

    def _end(self, forward: Forward, reason: str) -> None:
        del self._running[forward.order.key]
        self._ending.add(forward.task)
        forward.task.add_done_callback(self._ending.discard)
        forward.stop(reason)


def _name(order: ForwardOrder) -> str:
    return f"forward to {order.shown_url}"


def _of_room(overrides: tuple[PathOverride, ...]) -> tuple[PathOverride, ...]:
    return tuple(each for each in overrides if changes_in(each, ForwardSettings))
