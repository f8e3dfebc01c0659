"""The route of the dashboard: one page for everybody, which asks the API for all that it shows."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headwater.http.assets import SHARED, Assets

_PACKAGE: Final = "headwater.dashboard.assets"
_TEMPLATE: Final = "page.html"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class DashboardService:
    """Serves the page at `/`, and its files.

    The page itself tells nothing of the server: who may not look learns why, in words.
    """

    def __init__(self) -> None:
        self.assets = Assets.of_packages(_PACKAGE, SHARED)
        template = Template((files(_PACKAGE) / _TEMPLATE).read_text(encoding="utf-8"))
        self._text = template.substitute(
            icon=escape(self.assets.url("icon.svg")),
            style=escape(self.assets.url("dashboard.css")),
            form_style=escape(self.assets.url("dialogs.css")),
            script=escape(self.assets.url("dashboard.js")),
            theme=escape(self.assets.url("theme.js")),
        )

    def routes(self) -> list[BaseRoute]:
        """Return its routes."""
        return [self.assets.route(), Route("/", self._page, methods=["GET"])]

    async def _page(self, _request: Request) -> Response:
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        return Response(self._text, media_type="text/html", headers=headers)
