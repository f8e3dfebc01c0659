"""Chromium, driven by Playwright; tests that import this are left out where that is missing."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest

pytest.importorskip("playwright.async_api")

from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")


@contextlib.asynccontextmanager
async def chromium(*options: str) -> AsyncIterator[Browser]:
    """Chromium for as long as it is needed."""
    async with async_playwright() as run:
        browser = await run.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *options]
        )
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def new_page(*options: str, **window: Any) -> AsyncIterator[Page]:
    """An empty page of a Chromium of its own."""
    async with chromium(*options) as browser:
        yield await browser.new_page(**window)
