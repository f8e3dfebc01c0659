"""A browser that watches by MSE: a WebSocket, of which C then reads the fragments."""

import base64
import json
import os
import socket

from bench.browsers.http_client import HttpClient

PLAYS = json.dumps({"type": "mse", "value": "avc1.42e01e,avc1.640029,mp4a.40.2,opus"})
OPCODE_TEXT = 1


async def watch(url: str) -> socket.socket:
    """Open a WebSocket and say what is played; return the socket, of which nothing was read.

    Raises RuntimeError where the server does not let it in.
    """
    client = await HttpClient.connect(url)
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    answer = await client.ask("GET", url, headers)
    answer.require(101)
    sock: socket.socket = client.writer.get_extra_info("socket")
    # Another descriptor of the same connection; asyncio closes its own, which ends nothing.
    own = socket.socket(fileno=os.dup(sock.fileno()))
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    own.setblocking(True)
    own.sendall(_masked(PLAYS.encode()))
    own.setblocking(False)
    return own


def _masked(payload: bytes) -> bytes:
    """A message as clients send it (RFC 6455 5.3)."""
    mask = os.urandom(4)
    covered = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return bytes((0x80 | OPCODE_TEXT, 0x80 | len(payload))) + mask + covered
