"""The API as a whole: its document, its page, what it costs the loop, and random requests."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import schemathesis
from api_peer import ask, publish_many
from inside import inside
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance
from web_rig import WebServer

from headwater.config.applied import Applied


async def test_the_document_names_every_operation(web: WebServer) -> None:
    document = (await ask(web, "/v1/openapi.json")).problem
    assert document["openapi"] == "3.1.0"
    told = {
        (method.upper(), address)
        for address, methods in document["paths"].items()
        for method in methods
    }
    api = inside(web.server).web.api
    assert told == {(each.method, each.address) for each in api.operations}
    references = str(document).count("#/components/schemas/")
    assert references > len(document["components"]["schemas"])


async def test_the_page_asks_no_other_host(web: WebServer) -> None:
    answer = await ask(web, "/v1/")
    assert answer.status == 200
    text = answer.body.decode()
    assert "http:" not in text
    assert "https:" not in text
    assert "<script" not in text
    assert "default-src 'none'" in (answer.header("content-security-policy") or "")
    assert all(each.id in text for each in inside(web.server).web.api.operations)


async def test_the_loop_goes_on_while_a_large_answer_is_made(web: WebServer) -> None:
    publish_many(web, *(f"/m{number}" for number in range(300)))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    answer = await ask(web, "/v1/mounts?limit=1000")
    counting.cancel()
    assert len(answer.problem["items"]) == 300
    assert turns > 300


async def test_random_requests_get_what_the_document_says(web: WebServer) -> None:
    """schemathesis: no failure of the server, no answer that the document does not have."""
    publish_many(web, "/front", "/cams/a")

    async def reload() -> Applied:
        return await web.server.apply(web.server.settings)

    await web.server.open_status_socket("", on_reload=reload)
    document = (await ask(web, "/v1/openapi.json")).problem
    document["servers"] = [{"url": f"http://127.0.0.1:{web.port}"}]
    schema = schemathesis.openapi.from_dict(document)
    found: list[str] = []

    def run() -> None:
        for result in schema.get_all_operations():
            assert isinstance(result, Ok)
            case_test(result.ok())

    def case_test(operation: Any) -> None:
        from hypothesis import HealthCheck, Phase, given, settings

        @given(case=operation.as_strategy())
        @settings(
            max_examples=4,
            deadline=None,
            database=None,
            derandomize=True,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        def check(case: Any) -> None:
            # What the schema of a path's text cannot say, such as "no dot segments", is refused.
            case.call_and_validate(
                base_url=f"http://127.0.0.1:{web.port}",
                excluded_checks=[positive_data_acceptance],
            )

        check()

    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def thread() -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - told to the test
            found.append(repr(error))
        finally:
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=thread, daemon=True).start()
    await done.wait()
    assert found == []
