"""The page of a mount: names do no harm, nothing is asked of another host, refusals are told."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from films import film
from http_peer import HttpAnswer, basic, fetch
from inside import inside
from published_film import PublishedFilm
from web_rig import WebFactory, WebServer

from headwater import AccessSettings, UserSettings
from headwater.http.settings import HttpSettings
from headwater.player.page import policy_of

BROWSER = {"Accept": "text/html,*/*"}


class Page(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(answer.body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def one(self, tag: str) -> dict[str, str | None]:
        (found,) = [attributes for name, attributes in self.elements if name == tag]
        return found


async def test_the_page_of_a_mount(web: WebServer) -> None:
    PublishedFilm(web.server, film("h264").rtp).show(2)
    answer = await fetch(web.port, "/front")
    assert answer.status == 200
    assert answer.header("content-type") == "text/html; charset=utf-8"
    page = Page(answer)
    assert page.one("headwater-player") == {"src": "/front"}
    assert "front" in page.text
    # The script shows it while a picture plays.
    assert ("span", {"id": "live", "hidden": None}) in page.elements


NAMES = {
    "/%3Cscript%3Ealert(1)%3C%2Fscript%3E": "<script>alert(1)</script>",
    "/%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E": '"><img src=x onerror=alert(1)>',
    "/'%3E%3Csvg%20onload=alert(1)%3E": "'><svg onload=alert(1)>",
    "/$%7Bname%7D%20$name": "${name} $name",
    "/&lt;b&gt;": "&lt;b&gt;",
    "/javascript:alert(1)": "javascript:alert(1)",
    "/caf%C3%A9%20/%E2%80%AEgpj": "café ",
}


@pytest.mark.parametrize("target", NAMES)
@pytest.mark.parametrize("how", ["", "?embed"])
async def test_names_of_mounts_are_text(web: WebServer, target: str, how: str) -> None:
    page = Page(await fetch(web.port, target + how, headers=BROWSER))
    usual = Page(await fetch(web.port, f"/front{how}", headers=BROWSER))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in usual.elements]
    assert [sorted(a) for _, a in page.elements] == [sorted(a) for _, a in usual.elements]
    source = page.one("headwater-player")["src"] or ""
    assert re.fullmatch(r"/[A-Za-z0-9%/._~-]*", source)
    assert NAMES[target] in page.text


async def test_everything_is_of_this_server(web: WebServer) -> None:
    answer = await fetch(web.port, "/front", headers=BROWSER)
    page = Page(answer)
    named = [a[key] for _, a in page.elements for key in ("src", "href") if key in a]
    assert named
    assert all((url or "").startswith("/") and not (url or "").startswith("//") for url in named)
    policy = answer.header("content-security-policy") or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assets = inside(web.server).web.player.assets
    for name in ("page.js", "page.css", "headwater-player.js", "headwater-player.css"):
        text = (await fetch(web.port, assets.url(name))).body.decode()
        assert not re.findall(r"(?:https?:)?//(?!server|www\.w3\.org)[a-z0-9.]+\.[a-z]{2,}", text)
        assert "innerHTML" not in text
        assert "eval(" not in text


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/nobody", BROWSER, 200),
        ("/nobody", {}, 404),
        ("/", BROWSER, 200),
        ("/../etc/passwd", BROWSER, 403),
        ("/%2e%2e/etc", BROWSER, 403),
        ("/-/0000000000000000/page.js", BROWSER, 404),
        ("/-/../../pyproject.toml", BROWSER, 404),
        ("/nobody/about/../../x", BROWSER, 403),
        ("/nobody/snapshot.jpg", {}, 404),
        ("/%2e%2e/about", {}, 403),
    ],
)
async def test_addresses(web: WebServer, target: str, headers: dict[str, str], status: int) -> None:
    assert (await fetch(web.port, target, headers=headers)).status == status


async def test_files_of_the_package_are_not_for_all(web: WebServer) -> None:
    version = inside(web.server).web.player.assets.version
    for name in ("__init__.py", "VENDORED.toml", "..%2fpage.py", "%2e%2e%2fservice.py"):
        assert (await fetch(web.port, f"/-/{version}/{name}")).status in {403, 404}


async def test_the_script_for_other_sites_leads_to_the_present_one(web: WebServer) -> None:
    answer = await fetch(web.port, "/-/headwater-player.js")
    assert answer.status == 307
    script = await fetch(web.port, answer.header("location") or "")
    assert b"customElements.define" in script.body
    assert (script.header("content-type") or "").startswith("text/javascript")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), (basic("ann", "secret"), 200), (basic("bob", "hidden"), 403)],
)
@pytest.mark.parametrize("behind", ["", "/about"])
async def test_who_may_see_it(
    start_web: WebFactory, behind: str, headers: dict[str, str], status: int
) -> None:
    users = (
        UserSettings(name="ann", password="secret", read=("front",)),
        UserSettings(name="bob", password="hidden", read=("other",)),
    )
    web = await start_web(settings={"access": AccessSettings(users=users)})
    answer = await fetch(web.port, f"/front{behind}", headers=BROWSER | headers)
    assert answer.status == status
    if status == 401:
        assert any("Basic" in value for key, value in answer.headers if key == "www-authenticate")


@pytest.mark.parametrize(
    ("allowed", "told"),
    [
        ((), "'self'"),
        (("https://else.example",), "'self' https://else.example"),
        (("*",), "*"),
    ],
)
async def test_sites_that_may_frame_it(
    start_web: WebFactory, allowed: tuple[str, ...], told: str
) -> None:
    web = await start_web(http=HttpSettings(port=0, allowed_origins=allowed))
    answer = await fetch(web.port, "/front?embed", headers=BROWSER)
    assert f"frame-ancestors {told};" in (answer.header("content-security-policy") or "")


@pytest.mark.parametrize("host", ["", "x; script-src *", "x\"'", "é"])
def test_a_host_that_is_none_is_not_in_the_policy(host: str) -> None:
    assert "connect-src 'self';" in policy_of(host, ())
    assert "connect-src 'self' ws://[::1]:80 wss://[::1]:80;" in policy_of("[::1]:80", ())
