"""What a peer of the tests has that runs on a thread of its own: a start and a stop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from headwater.own_loop import OwnLoop


class ThreadedPeer(ABC):
    """A peer on an event loop of its own, for every kind of test."""

    def __init__(self, name: str) -> None:
        """Make it; `name` is what its thread is called."""
        self._loop = OwnLoop(name)

    def start(self) -> None:
        """Switch it on."""
        self._loop.start()
        try:
            self._loop.run(self._switch_on())
        except BaseException:
            self._loop.stop()
            raise

    def stop(self) -> None:
        """Switch it off for good: connections are cut. A second call does nothing."""
        if self._loop.running:
            self._loop.run(self._switch_off())
            self._loop.stop()

    def __enter__(self) -> Self:
        """Switch it on."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Switch it off."""
        self.stop()

    @abstractmethod
    async def _switch_on(self) -> None:
        """Begin to listen; runs on its loop."""

    @abstractmethod
    async def _switch_off(self) -> None:
        """Cut its connections; runs on its loop."""
