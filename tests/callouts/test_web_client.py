"""Requests to the owner's servers: deadlines, bounds, connections that are kept, no redirects."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from owner_web import Asked, OwnerWeb, answer_of

from headwater.callouts.web_client import WebAnswer, WebClient, WebFailedError


@pytest.fixture
async def client() -> AsyncIterator[WebClient]:
    made = WebClient(at_once=2)
    yield made
    await made.aclose()


async def get(client: WebClient, url: str, **more: float) -> WebAnswer:
    return await client.request(
        "GET", url, timeout_s=more.get("timeout_s", 10.0), most_bytes=int(more.get("most", 1000))
    )


async def test_connections_are_kept_and_bounded(client: WebClient) -> None:
    async def slow(_: Asked) -> bytes:
        await asyncio.sleep(0)
        return answer_of(200, b"ok")

    async with OwnerWeb(slow) as web:
        answers = await asyncio.gather(*(get(client, web.url) for _ in range(20)))
        assert answers == [WebAnswer(200, b"ok")] * 20
        assert web.connections <= 2


async def test_a_kept_connection_that_the_other_side_closed_costs_no_request(
    client: WebClient,
) -> None:
    async with OwnerWeb() as web:
        assert (await get(client, web.url)).status == 200
        web.break_off()
        assert (await get(client, web.url)).status == 200


async def test_a_redirect_is_an_answer(client: WebClient) -> None:
    async with OwnerWeb(lambda _: answer_of(302, headers="Location: /else\r\n")) as web:
        assert (await get(client, web.url)).status == 302
        assert len(web.asked) == 1


@pytest.mark.parametrize("body", [b"x" * 1001, b"x" * 1_000_000])
async def test_no_more_is_read_than_may_be(client: WebClient, body: bytes) -> None:
    async with OwnerWeb(lambda _: answer_of(200, body)) as web:
        with pytest.raises(WebFailedError, match="more than 1000 bytes"):
            await get(client, web.url)


async def test_drops_of_an_answer_are_no_progress(client: WebClient) -> None:
    """A deadline of each read would wait for as long as a byte comes now and then."""

    async def drip(_: Asked) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"

    async with OwnerWeb(drip) as web:
        with pytest.raises(WebFailedError, match=r"no whole answer within 0\.1 s"):
            await get(client, web.url, timeout_s=0.1)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://[::1", "http://no-such-host.invalid/", "nothing"]
)
async def test_where_nobody_is(client: WebClient, url: str) -> None:
    with pytest.raises(WebFailedError):
        await get(client, url)


async def test_no_secret_of_a_url_is_told(client: WebClient) -> None:
    with pytest.raises(WebFailedError) as caught:
        await get(client, "http://ann:hush@127.0.0.1:1/?token=hush")
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_closing_twice_and_before_the_first_request() -> None:
    client = WebClient(at_once=1)
    await client.aclose()
    async with OwnerWeb() as web:
        assert (await get(client, web.url)).status == 200
    await client.aclose()
    await client.aclose()


async def test_requests_leave_nothing_in_the_log(
    client: WebClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The peers decide how many there are, and a URL may hold a password or a token."""
    caplog.set_level(logging.INFO)
    async with OwnerWeb() as web:
        url = web.url.replace("http://", "http://ann:s%40cret@") + "?key=t0ken"
        assert (await get(client, url)).status == 200
        assert web.asked[0].headers["authorization"] == "Basic YW5uOnNAY3JldA=="
    assert caplog.messages == []
