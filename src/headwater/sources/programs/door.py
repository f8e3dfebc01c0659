"""A port on loopback where one program publishes, for as long as it runs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from headwater.client.surroundings import Surroundings
from headwater.media.publisher import Feed
from headwater.media.tracks.track import Track
from headwater.net.socket_address import Address
from headwater.net.tcp_listener import TcpListener
from headwater.net.tcp_stream import TcpStream
from headwater.protocol.sdp import SessionDescription
from headwater.sources.programs.publishing import (
    OnRecord,
    Opened,
    PublishingConnection,
    secret_path,
)
from headwater.sources.source import SourceError

_HOST: Final = "127.0.0.1"
_MOST_CONNECTIONS: Final = 4
"""A program has one; another one of it may come before the kernel has told that the first left."""


class Door:
    """Lets one program in: `with Door(…) as door:`, and everything is closed behind it.

    Attributes:
        url: where the program publishes; the path is a secret.
        ended: done, with the reason, once nothing more comes.
        recording: set once the program records.
        refusal: why the mount was not to be had, which the program cannot tell; None where it was.
    """

    def __init__(self, around: Surroundings, on_record: OnRecord) -> None:
        self._around = around
        self._on_record = on_record
        self.ended: asyncio.Future[SourceError] = asyncio.get_running_loop().create_future()
        self.recording = asyncio.Event()
        self.refusal: SourceError | None = None
        self._opened = Opened(secret_path(), around, self._begin, self._note_end)
        self._connections: list[PublishingConnection] = []
        self._listener = TcpListener(around.loop, self._connected, backlog=_MOST_CONNECTIONS)
        self.url = ""

    def __enter__(self) -> Self:
        """Open the port. Raises OSError."""
        port = self._listener.bind([_HOST], 0)
        self.url = f"rtsp://{_HOST}:{port}{self._opened.path}"
        self._listener.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the port and what came by it."""
        self._listener.close()
        for connection in self._connections:
            connection.release()

    def _connected(self, sock: socket.socket, _address: Address) -> None:
        self._connections = [one for one in self._connections if not one.closed]
        if self.ended.done():
            sock.close()
            return
        if len(self._connections) >= _MOST_CONNECTIONS:
            # Whoever came first and has set up nothing makes way: strangers keep no program out.
            idle = [one for one in self._connections if one.feed is None]
            if not idle:
                sock.close()
                return
            idle[0].abort()
            self._connections.remove(idle[0])
        connection = PublishingConnection(self._opened)
        sockets = self._around.sockets
        connection.attach(
            TcpStream(
                sock,
                self._around.loop,
                connection,
                read_bytes=sockets.read_bytes,
                reads_per_wake=sockets.reads_per_wake,
                close_deadline_s=sockets.close_deadline_s,
                was_accepted=True,
            )
        )
        self._connections.append(connection)

    def _begin(self, presentation: SessionDescription, feed: Feed) -> Sequence[Track]:
        if self.recording.is_set():
            raise SourceError("another one publishes here already")
        try:
            tracks = self._on_record(presentation, feed)
        except SourceError as error:
            self.refusal = error
            raise
        self.recording.set()
        return tracks

    def _note_end(self, error: SourceError) -> None:
        if not self.ended.done():
            self.ended.set_result(error)
