"""A player of low-latency HLS: it asks for the next part, and for the playlist that has it."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from urllib.parse import urljoin

from bench.browsers.http_client import Answer, HttpClient
from bench.browsers.stamp import first_sent_ns

PART = re.compile(r'#EXT-X-PART:.*?URI="([^"]+)"')
SEQUENCE = re.compile(r"#EXT-X-MEDIA-SEQUENCE:(\d+)")


@dataclass
class HlsViewer:
    """One viewer with its connection."""

    url: str
    requests: int = 0
    parts: int = 0
    bytes: int = 0
    missing: int = 0
    failed: str = ""
    late_us: list[int] = field(default_factory=list)
    first_part_s: float = 0.0
    _playlist_url: str = ""

    async def begin(self) -> None:
        """Read the main playlist, and the first part. Raises RuntimeError where there is none."""
        began_s = time.monotonic()
        self._client = await HttpClient.connect(self.url)
        main = await self._get(self.url)
        lines = main.body.decode().splitlines()
        uri = next(line for line in lines if line and not line.startswith("#"))
        self._playlist_url = urljoin(main.url, uri)
        text = (await self._get(self._playlist_url)).body.decode()
        await self._get(urljoin(self._playlist_url, PART.findall(text)[-1]))
        self.first_part_s = time.monotonic() - began_s
        self._last = _newest(text)

    async def follow(self) -> None:
        """Go on with part after part, until it is cancelled; `failed` says what went wrong."""
        try:
            while True:
                await self._next()
        except (OSError, RuntimeError, TimeoutError, asyncio.IncompleteReadError) as error:
            self.failed = str(error) or type(error).__name__

    async def _next(self) -> None:
        number, place = self._last
        separator = "&" if "?" in self._playlist_url else "?"
        asked = f"{self._playlist_url}{separator}_HLS_msn={number}&_HLS_part={place + 1}"
        text = (await self._get(asked)).body.decode()
        newest = _newest(text)
        uris = _parts_since(text, self._last)
        self.missing += not uris
        self._last = newest
        for uri in uris:
            part = await self._get(urljoin(self._playlist_url, uri))
            came_ns = time.monotonic_ns()
            self.parts += 1
            sent_ns = first_sent_ns(part.body)
            if sent_ns is not None:
                self.late_us.append((came_ns - sent_ns) // 1_000)

    async def _get(self, url: str) -> Answer:
        self.requests += 1
        answer = (await self._client.ask("GET", url)).require(200)
        self.bytes += len(answer.body)
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _listed(text: str) -> list[tuple[tuple[int, int], str]]:
    """The parts of a playlist: number of the segment and place in it, and address."""
    found = SEQUENCE.search(text)
    number, place = int(found[1]) if found else 0, 0
    parts = []
    for line in text.splitlines():
        if match := PART.match(line):
            parts.append(((number, place), match[1]))
            place += 1
        elif line and not line.startswith("#"):
            number, place = number + 1, 0
    return parts


def _newest(text: str) -> tuple[int, int]:
    """The newest part; where its segment is whole, the place in front of the next one's first."""
    parts = _listed(text)
    lines = [line for line in text.splitlines() if line and "PRELOAD-HINT" not in line]
    if not lines[-1].startswith("#"):
        return parts[-1][0][0] + 1, -1
    return parts[-1][0]


def _parts_since(text: str, last: tuple[int, int]) -> list[str]:
    return [uri for place, uri in _listed(text) if place > last]
