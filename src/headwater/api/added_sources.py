"""The sources that were added by the API: checked, kept on the disk, then started."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from ipaddress import ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from headwater.api.settings import ApiSettings
from headwater.api.source_book import SourceBook
from headwater.applies import NOW
from headwater.client.settings import ClientTransport
from headwater.control.json_text import plain
from headwater.http.refusal import HttpRefusal
from headwater.log_pace import paced_logger
from headwater.net.reach import Reach
from headwater.setting_fields import take_fields
from headwater.shown_text import without_credentials
from headwater.sources.plan import PlannedSource
from headwater.sources.schemes import scheme_of
from headwater.sources.settings import SourceSettings

logger = paced_logger(__name__)

MOST_SOURCES = 2000
_DIALLED_BY_US = frozenset({"rtsp", "rtsps"})
"""Of these every connection is checked, whatever a name leads to then, redirects too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AddedSource:
    """A source that a program gives a path; `SourceSettings` without what reads local files."""

    source: Annotated[str, NOW, "URL that the server fetches the path from."]
    fallback: Annotated[tuple[str, ...], NOW, "URLs that stand in while it is down."] = ()
    transport: Annotated[ClientTransport, NOW, "How media comes."] = ClientTransport.AUTO
    on_demand: Annotated[bool, NOW, "Whether it is fetched only while it has readers."] = False
    user_agent: Annotated[str, NOW, "What the server calls itself to the source."] = ""
    fingerprint: Annotated[str, NOW, "SHA-256 fingerprint of the source's certificate."] = ""
    any_port: Annotated[bool, NOW, "Take UDP media from any port of its address."] = False

    def __post_init__(self) -> None:
        take_fields(self)
        if not self.source:
            raise ValueError("source is empty; give the URL of the source")
        self.settings()

    def settings(self) -> SourceSettings:
        """Return the settings of the path. Raises ValueError for what they cannot hold."""
        return SourceSettings(**{each.name: getattr(self, each.name) for each in fields(self)})

    def shown(self) -> AddedSource:
        """Return the same without user names, passwords and tokens in its URLs."""
        fallback = tuple(without_credentials(url) for url in self.fallback)
        return replace(self, source=without_credentials(self.source), fallback=fallback)

    def with_passwords_of(self, before: AddedSource) -> AddedSource:
        """Return the same, each URL that is as `shown` tells one of `before` being that one.

        So that who changes something else need not know the password, and never sees it.
        """
        whole = {without_credentials(url): url for url in (before.source, *before.fallback)}
        fallback = tuple(whole.get(url, url) for url in self.fallback)
        return replace(self, source=whole.get(self.source, self.source), fallback=fallback)


class AddedSources:
    """The sources of the API; one change after another.

    Attributes:
        by_path: what is kept.
    """

    def __init__(
        self, settings: ApiSettings, book: SourceBook | None, start: SourceStarter
    ) -> None:
        self.by_path: dict[str, AddedSource] = {}
        self._book = book
        self._start = start
        self._turn = asyncio.Lock()
        self.go_by(settings)

    def go_by(self, settings: ApiSettings) -> None:
        """Go by other rules for what is added from now on."""
        self._schemes = frozenset(settings.source_schemes)
        self._reach = Reach(tuple(ip_network(each) for each in settings.source_networks))

    def read(self, is_taken: Callable[[str], bool]) -> dict[str, PlannedSource]:
        """Read what is kept; return what to start. What cannot be used any more is logged.

        The owner goes first: `is_taken` says whether the configuration names a source for a path.
        """
        kept = self._book.read() if self._book is not None else {}
        planned = {}
        for path, value in kept.items():
            try:
                if is_taken(path):
                    raise ValueError("the configuration has a source for this path now")
                added = AddedSource(**value)
                self.check(added)
            except (TypeError, ValueError, HttpRefusal) as error:
                cause = without_credentials(str(error))
                logger.warning("added source not started", extra={"mount": path, "cause": cause})
                continue
            self.by_path[path] = added
            planned[path] = self._planned(added)
        return planned

    def check(self, added: AddedSource) -> None:
        """Raise HttpRefusal for a URL that the owner does not let programs add."""
        for url in (added.source, *added.fallback):
            scheme = scheme_of(url)
            if scheme not in self._schemes:
                raise _refused(
                    f"{scheme}: is no scheme that the API may add; the owner can name it in "
                    "api.source_schemes"
                )
            if "${" in url or "{1}" in url:
                # Variables and files of the server are no business of who adds a source.
                raise _refused("the URL has a placeholder; write it out")
            host = urlsplit(url).hostname or ""
            if scheme in _DIALLED_BY_US:
                if _is_numeric(host) and not self._reach.allows(host):
                    raise _refused(_why_not(host))
            elif scheme not in {"file", "command"} and not self._reach.allows(host):
                raise _refused(
                    f"{_why_not(host)} For {scheme}: it must be an address, because what a name "
                    "leads to later cannot be checked"
                )

    def planned(self) -> dict[str, PlannedSource]:
        """Return what is to be started of all that is kept, by path."""
        return {path: self._planned(added) for path, added in self.by_path.items()}

    async def put(self, path: str, added: AddedSource) -> bool:
        """Keep a source and start it; return whether the path had none."""
        async with self._turn:
            is_new = path not in self.by_path
            await self._keep({**self.by_path, path: added})
            await self._start(path, self._planned(added))
            return is_new

    async def remove(self, path: str) -> bool:
        """Forget a source and end it; False where the API has added none."""
        async with self._turn:
            if path not in self.by_path:
                return False
            await self._keep({p: s for p, s in self.by_path.items() if p != path})
            await self._start(path, None)
            return True

    async def put_all(self, sources: Mapping[str, AddedSource]) -> None:
        """Keep these alone: others are ended, those that are as before are not touched."""
        async with self._turn:
            before = self.by_path
            await self._keep(dict(sources))
            for path in before.keys() - sources.keys():
                await self._start(path, None)
            for path, added in sources.items():
                if before.get(path) != added:
                    await self._start(path, self._planned(added))

    async def _keep(self, sources: dict[str, AddedSource]) -> None:
        if len(sources) > MOST_SOURCES:
            raise HttpRefusal(422, f"there are at most {MOST_SOURCES} sources", code="invalid")
        if self._book is not None:
            values: Any = {path: plain(added) for path, added in sources.items()}
            try:
                # Shielded: at a stop the file is written to its end, and the next start goes by it.
                await asyncio.shield(asyncio.to_thread(self._book.write, values))
            except OSError as error:
                raise HttpRefusal(
                    503,
                    f"the source could not be kept in {self._book.path}: {error.strerror}; nothing "
                    "was changed; set api.sources_file",
                    code="not_kept",
                ) from None
        self.by_path = sources

    def _planned(self, added: AddedSource) -> PlannedSource:
        return PlannedSource(added.settings(), reach=self._reach)


SourceStarter = Callable[[str, PlannedSource | None], Any]
"""Starts what a path is filled from, or ends it; to be awaited."""


def _is_numeric(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _why_not(host: str) -> str:
    return (
        f"{host} is no public address; its owner can allow private ones by networks in "
        "api.source_networks, such as 192.168.0.0/16."
    )


def _refused(why: str) -> HttpRefusal:
    return HttpRefusal(403, why, code="source_not_allowed")
