"""Files that pages need, from the package, under addresses that change with their content."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headwater.http.refusal import HttpRefusal

PREFIX = "/-/"
"""No mount's pages begin so: the web's own files are below."""
SHARED = "headwater.http.shared_assets"
"""The package of files that every page has beside its own."""
_COMPRESSED = frozenset({"text/css", "text/html", "text/javascript", "image/svg+xml"})
_WORTH_COMPRESSING_BYTES = 1024
_SCRIPTS = (".js", ".mjs")
"""Systems disagree on their type, and browsers load no module of a wrong one."""


class Assets:
    """A set of files that belong together, read once and kept in memory.

    Their addresses hold a hash of all of them, so browsers may keep them for ever, and files that
    name each other by relative addresses are of one version.

    Attributes:
        version: the hash.
    """

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        digest = hashlib.sha256()
        for name in sorted(contents):
            digest.update(name.encode() + b"\0" + contents[name] + b"\0")
        self.version = digest.hexdigest()[:16]
        self._assets = {name: _Asset(name, content) for name, content in contents.items()}

    @classmethod
    def of_packages(cls, *packages: str) -> Assets:
        """Read all files of packages but their Python modules, as if they lay in one folder.

        Raises ValueError where two of them have a file of one name.
        """
        found: dict[str, bytes] = {}
        for entry in (entry for package in packages for entry in files(package).iterdir()):
            if not entry.is_file() or entry.name.endswith((".py", ".toml")):
                continue
            if entry.name in found:
                raise ValueError(f"two of {', '.join(packages)} have a file {entry.name}")
            found[entry.name] = entry.read_bytes()
        return cls(found)

    def url(self, name: str) -> str:
        """Return the address of a file. Raises KeyError where there is none of this name."""
        return f"{PREFIX}{self.version}/{self._assets[name].name}"

    def route(self) -> Route:
        """Return the route that serves them."""
        return Route(f"{PREFIX}{self.version}/{{name}}", self._serve, methods=["GET"])

    async def _serve(self, request: Request) -> Response:
        asset = self._assets.get(request.path_params["name"])
        if asset is None:
            raise HttpRefusal(404, "there is no such file", code="not_found")
        return asset.response(request.headers.get("Accept-Encoding", ""))


class _Asset:
    """One file, as it is and compressed."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self._content = content
        guessed = "text/javascript" if name.endswith(_SCRIPTS) else mimetypes.guess_type(name)[0]
        self._type = guessed or "application/octet-stream"
        worth = self._type in _COMPRESSED and len(content) >= _WORTH_COMPRESSING_BYTES
        self._gzip = gzip.compress(content, mtime=0) if worth else None

    def response(self, accepted: str) -> Response:
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        content = self._content
        if self._gzip is not None:
            headers["Vary"] = "Accept-Encoding"
            if "gzip" in accepted:
                headers["Content-Encoding"] = "gzip"
                content = self._gzip
        return Response(content, media_type=self._type, headers=headers)
