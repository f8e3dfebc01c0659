"""The board drawn for a terminal of any size: a head, the paths that fit, warnings, keys."""

from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from headwater.cli.commands.status_view import bit_rate, duration, size
from headwater.cli.top.seen import Order, Plain, SeenBoard

STATES = {
    "live": ("live", "green"),
    "silent": ("silent", "bold yellow"),
    "waiting": ("waiting", "yellow"),
    "starting": ("starting", ""),
    "down": ("down", "bold red"),
    "idle": ("on demand", "dim"),
}
KEYS = "q quit   s sort   n name  r rate  u readers  l loss  w warnings   j k scroll"
_MOST_WARNINGS = 5
_WIDE = 110
_FEWEST_ROWS = 3
_AROUND_ROWS = 6
"""Four lines of the table itself, one that tells which paths it shows, and one of keys."""


def top_view(
    seen: SeenBoard,
    order: Order = Order.NAME,
    *,
    width: int = 80,
    height: int | None = None,
    first: int = 0,
) -> RenderableType:
    """Return what to draw; without a height all paths are, from the one of number `first` on."""
    cards = seen.ordered(order)
    warnings = [(str(card["path"]), trouble) for card in cards for trouble in card["troubles"]]
    head = list(_head(seen))
    told = warnings if height is None else warnings[:_MOST_WARNINGS]
    rows = len(cards)
    if height is not None:
        taken = len(head) + 2 * len(told) + (len(warnings) > len(told))
        rows = max(_FEWEST_ROWS, height - _AROUND_ROWS - taken)
    first = max(0, min(first, len(cards) - rows))
    shown = cards[first : first + rows]
    parts: list[RenderableType] = [*head]
    if cards:
        parts.append(_table(shown, seen.clock_s, wide=width >= _WIDE))
        left = len(cards) - len(shown)
        if left:
            span = f"{first + 1} to {first + len(shown)} of {len(cards)}"
            parts.append(Text(f"{span}, by {order}", style="dim"))
    else:
        parts.append(Text("\nnothing is live, and no source is configured", style="dim"))
    parts += list(_warnings(told, len(warnings)))
    if height is not None:
        parts.append(Text(KEYS, style="dim", no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def _head(seen: SeenBoard) -> Iterator[Text]:
    server = seen.server
    if server is None:
        yield Text(f"headwater  {len(seen.cards)} paths", style="bold")
        return
    yield Text.assemble(
        (f"headwater {server['version']} ", "bold"),
        (server["state"], "bold green" if server["state"] == "running" else "bold yellow"),
        f"  up {duration(server['clock_s'] - server['started_s'])}"
        f"  live {server['live']}  readers {server['readers']}",
        no_wrap=True,
        overflow="ellipsis",
    )
    rates = (bit_rate(server[f"bits_{way}_per_s"] / 8, 1) for way in ("in", "out"))
    yield Text(
        "in {}  out {}".format(*rates)
        + f"  connections {server['connections']}  memory {size(server['memory_bytes'])}",
        no_wrap=True,
        overflow="ellipsis",
    )
    if workers := server["workers"]:
        each = "  ".join(
            f"{worker['name']} {worker['mounts']}/{worker['sessions']}" for worker in workers
        )
        yield Text(f"workers (mounts/sessions)  {each}", no_wrap=True, overflow="ellipsis")
    for trouble in server["troubles"]:
        yield Text(f"! {trouble['text']}: {trouble['remedy']}", style="yellow")


def _table(cards: list[Plain], clock_s: float, *, wide: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    table.add_column("path", ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("state", width=9, no_wrap=True)
    for heading, columns in (("rate", 9), ("readers", 7), ("key", 5), ("lost", 6), ("up", 8)):
        table.add_column(heading, justify="right", width=columns, no_wrap=True)
    if wide:
        table.add_column("from", ratio=1, no_wrap=True, overflow="ellipsis")
    for card in cards:
        table.add_row(*_cells(card, clock_s), *([_from(card)] if wide else []))
    return table


def _cells(card: Plain, clock_s: float) -> Iterator[str | Text]:
    state, style = STATES.get(card["state"], (card["state"], ""))
    runs = card["state"] in {"live", "silent"}
    mark = "! " if card["troubles"] else ""
    yield Text(f"{mark}{card['path']}", style="yellow" if mark else "")
    yield Text(state, style=style)
    yield bit_rate(card["bits_per_s"] / 8, 1) if runs else "–"
    yield str(card["readers"])
    distance_s = card["key_frame_distance_s"]
    yield f"{distance_s:.1f}s" if runs and distance_s is not None else "–"
    lost = card["lost_share"]
    yield Text(f"{lost:.1%}", style="yellow" if lost > 0.005 else "") if runs else "–"
    yield duration(clock_s - card["since_s"]) if card["since_s"] is not None else "–"


def _from(card: Plain) -> Text:
    publisher, source = card["publisher"], card["source"]
    if source is not None:
        return Text(source["url"])
    if publisher is None:
        return Text("")
    told = (publisher["user"], publisher["peer"], publisher["user_agent"])
    return Text(" ".join(part for part in told if part) or publisher["kind"])


def _warnings(told: list[tuple[str, Plain]], total: int) -> Iterator[Text]:
    for path, trouble in told:
        line = Text.assemble((f"! {path}: ", "bold yellow"), (trouble["text"], "yellow"))
        line.append(f"\n  {trouble['remedy']}", style="dim")
        line.no_wrap, line.overflow = True, "ellipsis"
        yield line
    if total > len(told):
        yield Text(f"and {total - len(told)} more warnings", style="dim")
