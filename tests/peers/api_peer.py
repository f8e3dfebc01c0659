"""Asks the API of a server, and publishers and readers to see there."""

from __future__ import annotations

import json
from typing import Any

from http_peer import HttpAnswer, fetch
from published_film import description
from rtsp_peer import TcpPublisher, TcpReader
from web_rig import WebServer


async def ask(
    web: WebServer, address: str, *, method: str = "GET", json_body: object = None, **more: Any
) -> HttpAnswer:
    """Return the answer to one request; a body goes as JSON."""
    headers = dict(more.pop("headers", {}))
    body = more.pop("body", b"")
    if json_body is not None:
        body = json.dumps(json_body).encode()
    if body:
        headers.setdefault("Content-Type", "application/json")
    return await fetch(web.port, address, method=method, headers=headers, body=body, **more)


async def listed(web: WebServer, address: str, **more: Any) -> list[dict[str, Any]]:
    """Return the items of a list."""
    answer = await ask(web, address, **more)
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.problem["items"]
    return items


async def publish(web: WebServer, path: str) -> TcpPublisher:
    """Publish a mount over RTSP."""
    return await TcpPublisher.start(web.server.publish_port, web.server.publish_url(path))


async def play(web: WebServer, path: str) -> TcpReader:
    """Read a mount over RTSP."""
    return await TcpReader.start(web.server.play_port, web.server.play_url(path))


def publish_many(web: WebServer, *paths: str) -> None:
    """Publish mounts from the program."""
    for path in paths:
        web.server.publish(path, description("pcmu"))


def bearer(token: str) -> dict[str, str]:
    """Return the header of a token."""
    return {"Authorization": f"Bearer {token}"}
