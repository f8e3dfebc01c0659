"""Routes that stand together answer as they would each by itself, and are passed by at once."""

from __future__ import annotations

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Scope

from headwater.http.route_group import RouteGroup


async def told(request: Request) -> Response:
    """Tell which route answers."""
    return PlainTextResponse(f"{request.scope['endpoint'].__name__} {request.path_params}")


async def page(request: Request) -> Response:
    """The same, of the page of a mount."""
    return await told(request)


INSIDE: list[BaseRoute] = [
    Route("/v1/one", told, methods=["GET"]),
    Route("/v1/{name}", told, methods=["POST"]),
    Route("/v1/one/{name}", told, methods=["GET"]),
]
OUTSIDE = Route("/{mount:path}/about", page, methods=["GET"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/one"),
        ("POST", "/v1/one"),
        ("DELETE", "/v1/one"),
        ("PUT", "/v1/two"),
        ("GET", "/v1/one/x"),
        ("GET", "/v1/one/x/about"),
        ("GET", "/v1x/about"),
        ("GET", "/front/about"),
        ("GET", "/v1"),
        ("GET", "/front"),
    ],
)
async def test_it_answers_as_its_routes_do(method: str, path: str) -> None:
    answers = []
    for routes in ([*INSIDE, OUTSIDE], [RouteGroup("/v1", INSIDE), OUTSIDE]):
        transport = httpx.ASGITransport(app=Router(routes))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            answer = await client.request(method, path)
        answers.append((answer.status_code, answer.text, answer.headers.get("allow")))
    assert answers[0] == answers[1]


def test_other_addresses_reach_none_of_its_routes() -> None:
    class Unasked(BaseRoute):
        def matches(self, scope: Scope) -> tuple[Match, Scope]:
            raise AssertionError("it was asked")

    group = RouteGroup("/v1", [Unasked()])
    assert group.matches({"type": "http", "path": "/front"}) == (Match.NONE, {})
