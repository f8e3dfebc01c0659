"""The dashboard of a server in Chromium: what is on it, what it complains of, whom it asks."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from playwright.async_api import Browser, Locator, Page, expect

PICTURES = Path(__file__).parent / "pictures"
"""Screenshots of the last run."""
SIZES = {1440: 900, 820: 1180, 390: 844}
SERIOUS = frozenset({"serious", "critical"})
_EXPECTED = re.compile(r"status of (401|403|404|409|422|503)")
"""Chromium writes a line for each refusal that a page shows in words."""

_PICTURES_IN_SIGHT = """() => {
  const seen = [...document.querySelectorAll(".card[data-state=live]")].filter((card) => {
    const {top, bottom} = card.getBoundingClientRect();
    const sound = card.querySelector(".codecs").textContent === "Opus";
    return bottom > 0 && top < innerHeight && !sound;
  });
  return seen.length > 0 && seen.every((card) => {
    const image = card.querySelector("img");
    return !image.hidden && image.complete && image.naturalWidth > 0;
  });
}"""
_SCROLLS_SIDEWAYS = """() => [...document.querySelectorAll("*")].filter((one) => {
  const scrolls = /auto|scroll/.test(getComputedStyle(one).overflowX);
  if (!one.checkVisibility() || !(scrolls || one === document.documentElement)) return false;
  return one.scrollWidth > one.clientWidth;
}).map((one) => `${one.tagName} ${one.className} ${one.scrollWidth} > ${one.clientWidth}`)"""


class HasPages(Protocol):
    """A server, in whichever process it runs."""

    @property
    def http_port(self) -> int | None:
        """Its port for browsers."""


class Dashboard:
    """One page, with what was noticed while it was open."""

    def __init__(self, page: Page, server: HasPages) -> None:
        self.page = page
        self.server = server
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self._note(line.type, line.text))
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not _EXPECTED.search(text):
            self.complaints.append(text)

    @property
    def url(self) -> str:
        """Of the page."""
        return f"http://127.0.0.1:{self.server.http_port}/"

    def card(self, path: str) -> Any:
        """The card of a path."""
        return self.page.locator(f'.card[data-path="{path}"]')

    async def open(self) -> None:
        """Go there, and wait for what it shows first."""
        await self.page.goto(self.url, wait_until="domcontentloaded")
        await self.page.wait_for_selector(".card, .teach, .panel", timeout=90_000)

    async def wait_for_state(self, path: str, state: str) -> None:
        """Wait until the card of a path shows a state."""
        await self.page.wait_for_selector(
            f'.card[data-path="{path}"][data-state="{state}"]', timeout=40_000
        )

    async def wait_for_text(self, place: Locator, text: str) -> None:
        """Wait until a place says just this."""
        await expect(place).to_have_text(text, timeout=40_000)

    async def wait_for_moving_picture(self, path: str) -> None:
        """Wait until three pictures, one after another, were shown on a card."""
        seen: set[str] = set()
        image = self.card(path).locator("img")
        shown = (
            "([path, seen]) => { const image = document.querySelector("
            '`.card[data-path="${path}"] img`); return image && !image.hidden && '
            "image.naturalWidth > 0 && !seen.includes(image.src); }"
        )
        while len(seen) < 3:
            await self.page.wait_for_function(shown, arg=[path, sorted(seen)], timeout=40_000)
            seen.add(str(await image.get_attribute("src")))

    async def serious_faults(self) -> list[str]:
        """What axe-core finds that keeps people from using the page as it is now."""
        spec = find_spec("axe_playwright_python")
        assert spec is not None
        assert spec.origin is not None
        source = Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8")
        await self.page.evaluate(source)
        found = await self.page.evaluate("axe.run({resultTypes: ['violations']})")
        return [
            f"{each['id']}: {each['nodes'][0]['html']} {each['nodes'][0]['failureSummary']}"
            for each in found["violations"]
            if each["impact"] in SERIOUS
        ]

    async def wait_for_pictures_in_sight(self) -> None:
        """Wait until all live cards in sight that have pictures show one."""
        await self.page.wait_for_function(_PICTURES_IN_SIGHT, timeout=90_000)

    async def scrolls_sideways(self) -> list[str]:
        """What is wider than its place, and has to be scrolled to be seen whole."""
        found: list[str] = await self.page.evaluate(_SCROLLS_SIDEWAYS)
        return found

    async def picture(self, name: str, *, whole: bool = False) -> None:
        """Keep how it looks now: what is in sight, or all of the page."""
        PICTURES.mkdir(exist_ok=True)
        await self.page.screenshot(path=PICTURES / f"{name}.png", full_page=whole)


@contextlib.asynccontextmanager
async def dashboard(
    browser: Browser, server: HasPages, *, width: int = 1440, theme: str = "light", **more: Any
) -> AsyncIterator[Dashboard]:
    """The dashboard in a window of its own, with cookies of its own."""
    more |= {"viewport": {"width": width, "height": SIZES[width]}, "color_scheme": theme}
    context = await browser.new_context(**more)
    try:
        opened = Dashboard(await context.new_page(), server)
        await opened.open()
        yield opened
    finally:
        await context.close()
