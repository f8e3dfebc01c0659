"""The page of the dashboard: it tells nothing by itself, and asks no other host for anything."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from http_peer import fetch
from inside import inside
from web_rig import WebFactory, WebServer

from headwater import AccessSettings, UserSettings
from headwater.http.assets import SHARED

ASSETS = [
    entry
    for package in ("headwater.dashboard.assets", SHARED)
    for entry in files(package).iterdir()
]
SCRIPTS = sorted(entry.name for entry in ASSETS if entry.name.endswith(".js"))
STYLES = sorted(entry.name for entry in ASSETS if entry.name.endswith(".css"))


async def test_the_page_is_the_same_for_everybody(web: WebServer, start_web: WebFactory) -> None:
    answer = await fetch(web.port, "/")
    assert answer.status == 200
    assert answer.header("content-type") == "text/html; charset=utf-8"
    users = (UserSettings(name="ann", password="secret", look=("**",)),)
    other = await start_web(settings={"access": AccessSettings(users=users)})
    assert (await fetch(other.port, "/")).body == answer.body


async def test_everything_is_of_this_server_and_nothing_is_inline(web: WebServer) -> None:
    answer = await fetch(web.port, "/")
    text = answer.body.decode()
    named = re.findall(r'(?:src|href)="([^"#]+)"', text)
    assert len(named) >= 4
    for address in named:
        assert address.startswith("/-/")
        assert (await fetch(web.port, address)).status == 200
    policy = answer.header("content-security-policy") or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "blob:" not in policy.replace("img-src 'self' blob:", "")
    assert "style=" not in text
    assert not re.search(r"<script[^>]*>[^<]|\son[a-z]+=", text)


@pytest.mark.parametrize("name", [*SCRIPTS, *STYLES])
async def test_scripts_and_styles(web: WebServer, name: str) -> None:
    answer = await fetch(web.port, inside(web.server).web.dashboard.assets.url(name))
    assert answer.status == 200
    text = answer.body.decode()
    assert not re.findall(r"(?:https?:)?//(?!www\.w3\.org)[a-z0-9-]+\.[a-z]{2,}", text)
    for forbidden in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "eval(",
        "new Function",
        "@import",
    ):
        assert forbidden not in text


@pytest.mark.parametrize("name", SCRIPTS)
def test_modules_that_are_named_are_there(name: str) -> None:
    [text] = [entry.read_text(encoding="utf-8") for entry in ASSETS if entry.name == name]
    imported = re.findall(r'from "\./([^"]+)"', text)
    assert set(imported) <= set(SCRIPTS)
