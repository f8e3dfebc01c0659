"""Collects what each crossing of real clients came to, and prints it as a Markdown table."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from typing import Any

from clients.client import Transport


@dataclass(frozen=True, slots=True)
class Crossing:
    """One publisher to one reader."""

    film: str
    publisher: str
    transport_in: Transport
    reader: str
    transport_out: Transport


@dataclass(frozen=True, slots=True)
class ServerCrossing:
    """Another server that a film is fetched from, or sent to."""

    server: str
    way: str
    transport: Transport


@dataclass(slots=True)
class ResultTable:
    """Results by crossing: what was proved, or why the client cannot, or what went wrong."""

    results: dict[Crossing, str] = field(default_factory=dict)
    reasons: dict[Crossing, str] = field(default_factory=dict)
    servers: dict[ServerCrossing, str] = field(default_factory=dict)

    def passed(self, crossing: Crossing, proof: str) -> None:
        """Note a crossing whose pictures and sound are the film's."""
        self.results[crossing] = f"✓ {proof}"

    def cannot(self, crossing: Crossing, reason: str) -> None:
        """Note a crossing whose client is unable to, by a footnote."""
        self.results[crossing] = "–"
        self.reasons[crossing] = reason

    def failed(self, crossing: Crossing, error: str) -> None:
        """Note a crossing that went wrong."""
        self.results[crossing] = f"**failed**: {error.splitlines()[0][:80]}"

    def told(self) -> dict[str, list[Any]]:
        """All of it in lists and strings, as one process tells it to another."""
        parts: dict[str, dict[Any, str]] = {
            "results": self.results,
            "reasons": self.reasons,
            "servers": self.servers,
        }
        return {
            name: [[*map(str, astuple(crossing)), text] for crossing, text in part.items()]
            for name, part in parts.items()
        }

    def add(self, told: dict[str, list[Any]]) -> None:
        """Take in what another process has told."""
        for part, name in ((self.results, "results"), (self.reasons, "reasons")):
            for film, publisher, transport_in, reader, transport_out, text in told[name]:
                ways = Transport(transport_in), Transport(transport_out)
                part[Crossing(film, publisher, ways[0], reader, ways[1])] = text
        for server, way, transport, text in told["servers"]:
            self.servers[ServerCrossing(server, way, Transport(transport))] = text

    def markdown(self) -> str:
        """Lay out one table per film: rows are publishers, columns are readers."""
        parts: list[str] = []
        for film in dict.fromkeys(crossing.film for crossing in self.results):
            parts += [f"### {film}", "", *self._film_table(film), ""]
        parts += [f"[{number}] {reason}." for number, reason in enumerate(self._footnotes(), 1)]
        return "\n".join(parts).rstrip() + "\n"

    def servers_markdown(self) -> str:
        """Lay out the table of other servers: rows are servers, columns are ways."""
        columns = list(dict.fromkeys((one.way, one.transport) for one in self.servers))
        rows = list(dict.fromkeys(one.server for one in self.servers))
        lines = ["| server | " + " | ".join(f"{way} {t.upper()}" for way, t in columns) + " |"]
        lines.append("|---" * (len(columns) + 1) + "|")
        for server in rows:
            texts = [self.servers.get(ServerCrossing(server, way, t), "") for way, t in columns]
            lines.append(f"| {server} | " + " | ".join(texts) + " |")
        return "\n".join(lines) + "\n"

    def _footnotes(self) -> list[str]:
        return list(dict.fromkeys(self.reasons.values()))

    def _cell(self, crossing: Crossing) -> str:
        text = self.results[crossing]
        if crossing not in self.reasons:
            return text
        return f"{text} [{self._footnotes().index(self.reasons[crossing]) + 1}]"

    def _film_table(self, film: str) -> list[str]:
        cells = {each: self._cell(each) for each in self.results if each.film == film}
        rows = list(dict.fromkeys((c.publisher, c.transport_in) for c in cells))
        columns = list(dict.fromkeys((c.reader, c.transport_out) for c in cells))
        lines = ["| published by | " + " | ".join(f"{r} {t.upper()}" for r, t in columns) + " |"]
        lines.append("|---" * (len(columns) + 1) + "|")
        for publisher, transport_in in rows:
            texts = [
                cells.get(Crossing(film, publisher, transport_in, reader, transport_out), "")
                for reader, transport_out in columns
            ]
            lines.append(f"| {publisher} {transport_in.upper()} | " + " | ".join(texts) + " |")
        return lines

    def _servers_part(self) -> str:
        if not self.servers:
            return ""
        return (
            "## Other servers\n\n"
            "The film with H.264 and AAC, fetched from another server as the source of a path and\n"
            "played by ffmpeg, and sent on to another server by `forward_to`. ✓ means the same, – "
            "that the other server does not\nknow this transport. ffmpeg, GStreamer and VLC "
            "play on, without a new connection, when a source gives way to its fallback\nand when "
            "it comes back (`tests/interop/test_fallback.py`).\n\n"
            f"{self.servers_markdown()}\n"
        )

    def page(self, versions: dict[str, str]) -> str:
        """Make the whole page for the documentation."""
        clients = "\n".join(f"- {name} {version}" for name, version in versions.items())
        return (
            "# Real clients\n\n"
            'Written by `make interop ARGS="--interop-table docs/interop.md"`. Each cell is one\n'
            "publisher and one reader through the server, rows and columns named by client and\n"
            "transport. ✓ means: the MD5 of every picture that the reader decoded, from its first\n"
            "key frame on, is that of the published film's picture, none missing and none twice;\n"
            "likewise the encoded sound packets. The count is how many were compared. VLC's\n"
            "pictures are those that its video output showed.\n\n"
            f"{self.markdown()}\n{self._servers_part()}## Versions\n\n{clients}\n"
        )
