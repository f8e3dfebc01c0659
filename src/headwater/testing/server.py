"""`TestServer`: Headwater on a free port of this machine, for tests of what publishes or reads."""

from __future__ import annotations

from typing import Any, Unpack

from headwater.app.threaded_server import ServerArguments, ThreadedRtspServer


class TestServer(ThreadedRtspServer):
    """A `ThreadedRtspServer` on 127.0.0.1 and a free port, which can be made empty again."""

    __test__ = False  # pytest takes classes with such a name for tests

    def __init__(self, **arguments: Unpack[ServerArguments]) -> None:
        arguments.setdefault("host", "127.0.0.1")
        arguments.setdefault("publish_port", 0)
        super().__init__(**arguments)
        self._fetched: set[str] = set()

    def add_source(self, path: str, url: str, **options: Any) -> None:
        """Have the server fetch a path from a URL, such as a camera's, until `clear`."""
        super().add_source(path, url, **options)
        self._fetched.add(path)

    def remove_source(self, path: str) -> None:
        """End a source that was added."""
        super().remove_source(path)
        self._fetched.discard(path)

    def clear(self) -> None:
        """End what it fetches, and close all mounts: the next test finds an empty server."""
        for path in tuple(self._fetched):
            self.remove_source(path)
        for path in self.mounts:
            self.close_mount(path, "the test is over")
