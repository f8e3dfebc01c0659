"""The function of a program that makes its server, by name."""

from __future__ import annotations

import sys
from collections.abc import Awaitable
from types import ModuleType

import pytest

from headwater import RtspServer
from headwater.app.workers.factory import Factory, factory_of, server_of

NAME = "program_of_test_factory"


async def later() -> RtspServer:
    return RtspServer()


async def running() -> RtspServer:
    server = RtspServer(host="127.0.0.1", publish_port=0)
    await server.start()
    return server


@pytest.fixture(autouse=True)
def program(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType(NAME)
    module.make_server = RtspServer  # type: ignore[attr-defined]
    module.nothing = 5  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, NAME, module)
    return module


def test_a_function_is_found_by_its_module_and_name() -> None:
    assert factory_of(f"{NAME}:make_server") is RtspServer


@pytest.mark.parametrize(
    ("name", "error", "cause"),
    [
        ("app", ValueError, "'app' names no function"),
        (":make_server", ValueError, "such as 'app:make_server'"),
        ("app:", ValueError, "names no function"),
        ("app:make server", ValueError, "names no function"),
        ("no_such_program:make_server", ModuleNotFoundError, "no_such_program"),
        (f"{NAME}:other", AttributeError, "other"),
        (f"{NAME}:nothing", TypeError, f"{NAME}:nothing is a int; it must be a function"),
    ],
)
def test_what_names_no_function_is_told(name: str, error: type[Exception], cause: str) -> None:
    with pytest.raises(error, match=cause):
        factory_of(name)


@pytest.mark.parametrize("factory", [RtspServer, later])
async def test_a_function_may_be_asynchronous(factory: Factory) -> None:
    assert isinstance(await server_of(factory, "app:make_server"), RtspServer)


async def test_what_makes_no_server_is_told() -> None:
    with pytest.raises(TypeError, match="app:make returned a int; it must return an RtspServer"):
        await server_of(int, "app:make")  # type: ignore[arg-type]


async def test_a_server_that_runs_already_is_refused() -> None:
    made: list[RtspServer] = []

    async def make() -> RtspServer:
        made.append(await running())
        return made[0]

    factory: Factory = make
    made_later: Awaitable[RtspServer] = server_of(factory, "app:make")
    try:
        with pytest.raises(TypeError, match="app:make returned a server that runs"):
            await made_later
    finally:
        await made[0].stop()
