"""Files of pages: addresses with a hash, kept for ever, compressed once."""

from __future__ import annotations

import gzip

import pytest
from http_peer import fetch
from inside import inside
from web_rig import WebServer

from headwater.http.assets import Assets

SCRIPT = b"export const moving = true;\n" * 100


@pytest.fixture
def assets(web: WebServer) -> Assets:
    made = Assets({"player.js": SCRIPT, "dot.png": b"\x89PNG"})
    inside(web.server).web.door.add([made.route()])
    return made


async def test_a_file_is_kept_for_ever(web: WebServer, assets: Assets) -> None:
    answer = await fetch(web.port, assets.url("player.js"))
    assert (answer.status, answer.body) == (200, SCRIPT)
    assert "immutable" in (answer.header("cache-control") or "")
    assert (answer.header("content-type") or "").startswith("text/javascript")


async def test_text_is_compressed_for_those_who_take_it(web: WebServer, assets: Assets) -> None:
    taking = {"Accept-Encoding": "br, gzip"}
    answer = await fetch(web.port, assets.url("player.js"), headers=taking)
    assert answer.header("content-encoding") == "gzip"
    assert gzip.decompress(answer.body) == SCRIPT
    picture = await fetch(web.port, assets.url("dot.png"), headers=taking)
    assert picture.header("content-encoding") is None


@pytest.mark.parametrize("name", ["nothing.js", "..%2f__init__.py", "%2e%2e"])
async def test_only_its_own_files(web: WebServer, assets: Assets, name: str) -> None:
    answer = await fetch(web.port, f"/-/{assets.version}/{name}")
    assert answer.status == 404


def test_the_address_changes_with_any_file() -> None:
    versions = {Assets(files).version for files in ({"a": b"1"}, {"a": b"2"}, {"b": b"1"})}
    assert len(versions) == 3


def test_files_of_a_package() -> None:
    assert Assets.of_package("headwater.http").version == Assets({}).version
