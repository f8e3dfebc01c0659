"""Files of pages: addresses with a hash, kept for ever, compressed once."""

from __future__ import annotations

import gzip

import pytest
from http_peer import fetch
from inside import inside
from web_rig import WebServer

from headwater.http.assets import SHARED, Assets

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


def test_files_of_packages_lie_side_by_side() -> None:
    assert Assets.of_packages("headwater.http").version == Assets({}).version
    together = Assets.of_packages("headwater.player.assets", SHARED)
    for name in ("page.js", "elements.js"):
        assert together.url(name) == f"/-/{together.version}/{name}"


def test_two_files_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"have a file (elements\.js|icon\.svg)"):
        Assets.of_packages(SHARED, SHARED)
