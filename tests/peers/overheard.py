"""Overhears what a camera says to a client: a line between them that passes everything on."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from camera_talk import Rtp


@dataclass(frozen=True)
class Message:
    """An answer of the camera, or a request of its own."""

    first: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Overheard:
    """What the camera has said up to now, in the pieces that came.

    Attributes:
        port: where the client connects to instead of to the camera.
        pieces: of the bytes, in their order.
    """

    port: int
    pieces: list[bytes] = field(default_factory=list)

    @property
    def said(self) -> list[Message | Rtp]:
        """All messages and interleaved packets that are whole."""
        return list(_parts(b"".join(self.pieces)))

    @property
    def messages(self) -> list[Message]:
        """The answers and requests."""
        return [each for each in self.said if isinstance(each, Message)]

    def packets(self, channel: int = 0) -> list[Rtp]:
        """What came on a channel."""
        return [each for each in self.said if isinstance(each, Rtp) and each.channel == channel]

    @property
    def description(self) -> str:
        """The SDP."""
        return next(each.body for each in self.messages if each.body).decode()


@contextmanager
def overheard(port: int) -> Iterator[Overheard]:
    """Stand between one client and the camera at a port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = Overheard(server.getsockname()[1])
        listener = threading.Thread(target=_join, args=(server, port, line), daemon=True)
        listener.start()
        yield line
        # Nobody came where the player never connected.
        server.settimeout(0)
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        listener.join(20)


def _join(server: socket.socket, port: int, line: Overheard) -> None:
    with suppress(OSError):
        client, _ = server.accept()
        camera = socket.create_connection(("127.0.0.1", port))
        back = threading.Thread(target=_pass_on, args=(client, camera, None), daemon=True)
        back.start()
        _pass_on(camera, client, line.pieces)
        back.join(20)
        for end in (client, camera):
            end.close()


def _pass_on(source: socket.socket, target: socket.socket, kept: list[bytes] | None) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            if kept is not None:
                kept.append(piece)
            target.sendall(piece)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _parts(data: bytes) -> Iterator[Message | Rtp]:
    at = 0
    while at < len(data):
        if data[at : at + 1] == b"$":
            if at + 4 > len(data):
                return
            channel, length = struct.unpack_from(">xBH", data, at)
            end = at + 4 + length
            if end <= len(data):
                yield Rtp(data[at + 4 : end], channel)
        else:
            head, found, _ = data[at:].partition(b"\r\n\r\n")
            if not found:
                return
            first, *lines = head.decode().split("\r\n")
            headers = {name: value.strip() for name, _, value in (x.partition(":") for x in lines)}
            begin = at + len(head) + 4
            end = begin + int(headers.get("Content-Length", "0"))
            yield Message(first, headers, data[begin:end])
        at = end
