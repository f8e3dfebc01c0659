"""A client that is generated from the document works against a server."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from api_peer import ask, play, publish, publish_many
from web_rig import WebFactory, WebServer

from headwater import MountSettings
from headwater.api.settings import ApiSettings, TokenSettings

NAME = "generated_headwater_client"
TOKEN = "a-token-of-a-program-1"
PATIENCE_S = 60.0
CONFIG = """
post_hooks: []
content_type_overrides:
  image/jpeg: application/octet-stream
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where a package can be written and imported."""
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


async def generated(web: WebServer, folder: Path) -> ModuleType:
    """Return the package of a client, made without a warning."""
    document, config = folder / "openapi.json", folder / "config.yaml"
    document.write_bytes((await ask(web, "/v1/openapi.json")).body)
    config.write_text(CONFIG)
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("openapi-python-client")), "generate"),
        *("--path", str(document), "--output-path", str(folder / NAME), "--meta", "none"),
        *("--config", str(config), "--fail-on-warning"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return importlib.import_module(NAME)


async def test_a_generated_client(start_web: WebFactory, folder: Path) -> None:
    token = TokenSettings(name="client", token=TOKEN, look=("**",), control=("**",))
    settings = {
        "api": ApiSettings(tokens=(token,), sources_file=""),
        # A client is generated in the time that it takes.
        "mounts": MountSettings(publisher_idle_timeout_s=0),
    }
    web = await start_web(settings=settings)
    # Before there are peers, who would have to say now and then that they are there.
    package = await generated(web, folder)
    publish_many(web, "/front")
    await publish(web, "/cams/a")
    reader = await play(web, "/cams/a")
    where = {"base_url": f"http://127.0.0.1:{web.port}", "timeout": httpx.Timeout(PATIENCE_S)}
    client = package.AuthenticatedClient(**where, token=TOKEN)

    async def call(operation: str, *path: str, **arguments: Any) -> Any:
        module = importlib.import_module(f"{NAME}.api.default.{operation}")
        return await module.asyncio_detailed(*path, client=client, **arguments)

    models = importlib.import_module(f"{NAME}.models")
    server = await call("get_server")
    assert server.status_code == 200
    assert server.parsed.state == "running"
    mounts = (await call("list_mounts", path="cams/*")).parsed
    assert [(mount.path, mount.readers) for mount in mounts.items] == [("/cams/a", 1)]
    assert (await call("get_mount", "cams/a")).parsed.readers[0].id == reader.session
    pages = [(await call("list_sessions", limit=2)).parsed]
    pages.append((await call("list_sessions", limit=2, after=pages[0].next_)).parsed)
    assert [len(page.items) for page in pages] == [2, 1]
    refused = await call("get_mount", "nothing")
    assert (refused.status_code, refused.parsed.code) == (404, "no_such_mount")
    source = models.AddedSourceRequest(source="rtsp://1.1.1.1/stream", on_demand=True)
    assert (await call("put_source", "cams/new", body=source)).status_code == 204
    sources = (await call("list_sources")).parsed.items
    assert [each.path for each in sources] == ["/cams/new"]
    assert (await call("delete_source", "cams/new")).status_code == 204
    closed = await call("close_sessions", body=models.CloseRequest(path="cams/*"))
    assert closed.parsed.closed == 2
    await reader.peer.closed()
    assert (await call("close_mount", "front")).parsed.closed == 1
    stranger = package.Client(**where)
    module = importlib.import_module(f"{NAME}.api.default.get_server")
    assert (await module.asyncio_detailed(client=stranger)).status_code == 401
