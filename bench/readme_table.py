"""The small table of README: what the servers of one run cost, side by side."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

BEGIN = "<!-- written by the benchmark, up to its end -->\n"
END = "<!-- end of what the benchmark wrote -->\n"

NAMES = {
    "headwater": "Headwater",
    "node": "rtsp-streaming-server",
    "mediamtx": "MediaMTX",
    "zlmediakit": "ZLMediaKit",
    "bare-relay": "a relay in C without any checks",
}
"""What people call a server that the command line names otherwise."""

LINES = (
    ("CPU for each packet to 400 UDP readers", "400 UDP readers at 4 Mb/s", "us_per_packet", "µs"),
    ("CPU for each packet to 400 TCP readers", "400 TCP readers at 4 Mb/s", "us_per_packet", "µs"),
    (
        "CPU for each packet of 200 cameras with a reader each, UDP",
        "200 UDP cameras, 1 UDP reader each, 2 Mb/s",
        "us_per_packet",
        "µs",
    ),
    (
        "CPU for a reader that comes, plays and goes, UDP",
        "sessions per second over UDP",
        "ms_cpu_per_session",
        "ms",
    ),
    (
        "CPU for a reader that comes, plays and goes, TCP",
        "sessions per second over TCP",
        "ms_cpu_per_session",
        "ms",
    ),
    ("memory with 1,000 TCP readers", "1000 TCP readers at 4 Mb/s", "rss_mb", "MB"),
)


def small_table(results: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the table; what was not measured is a dash, what nobody has no line."""
    figures = {(row["peer"], row["step"]): row["figures"] for row in results["steps"]}
    peers = list(dict.fromkeys(row["peer"] for row in results["steps"]))
    yield "| | " + " | ".join(NAMES.get(peer, peer) for peer in peers) + " |"
    yield "|---|" + "---:|" * len(peers)
    for text, step, figure, unit in LINES:
        cells = [_cell(figures.get((peer, step), {}), figure, unit) for peer in peers]
        if any(cells):
            yield f"| {text} | " + " | ".join(cell or "–" for cell in cells) + " |"


def _cell(figures: dict[str, Any], figure: str, unit: str) -> str:
    # Sessions that broke off on the way have no cost that could be compared.
    if figure not in figures or figures.get("broken", 0):
        return ""
    value = f"{figures[figure]:.0f}" if unit == "MB" else f"{figures[figure]:.2f}"
    lost = figures.get("lost_percent", 0.0)
    return f"{value} {unit}" + (f", {lost:.1f} % lost" if lost >= 0.05 else "")


def write_table(results: dict[str, Any], path: Path) -> None:
    """Put the table where the page has its marks. Raises ValueError where it has none."""
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no place for the table: {BEGIN.strip()} … {END.strip()}")
    table = "".join(f"{line}\n" for line in small_table(results))
    path.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")
