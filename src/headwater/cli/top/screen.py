"""The terminal: draws the board as it comes, and does what keys say."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from threading import Thread

from rich.console import Console
from rich.live import Live

from headwater.cli.top.keys import ReadKey
from headwater.cli.top.seen import Order, SeenBoard
from headwater.cli.top.view import top_view

_KEY_S = 0.2
_ORDERS = {
    "n": Order.NAME,
    "r": Order.RATE,
    "u": Order.READERS,
    "l": Order.LOSS,
    "w": Order.WARNINGS,
}
_STEPS = {"j": 1, "k": -1, " ": 10, "g": -1_000_000}


@dataclass(frozen=True, slots=True)
class View:
    """How the board is looked at."""

    order: Order
    first: int = 0
    over: bool = False

    def after(self, key: str, count: int) -> "View":
        """Return the view after a key, with `count` paths on the board."""
        if key in {"q", "\x03"}:
            return replace(self, over=True)
        if key == "s":
            orders = list(Order)
            following = orders[(orders.index(self.order) + 1) % len(orders)]
            return replace(self, order=following, first=0)
        if key in _ORDERS:
            return replace(self, order=_ORDERS[key], first=0)
        first = self.first + _STEPS.get(key, 0)
        return replace(self, first=max(0, min(first, count - 1)))


def show(boards: Iterable[SeenBoard], console: Console, read_key: ReadKey, order: Order) -> None:
    """Draw boards until `q` is pressed or they end; raises what they raise."""
    view = View(order)
    with Live(console=console, auto_refresh=False, screen=True) as live:
        for seen in _newest(boards):
            if seen is not None:
                last = seen
            key = read_key(_KEY_S)
            view = view.after(key, len(last.cards)) if key else view
            if view.over:
                return
            if seen is not None or key:
                size = console.size
                drawn = top_view(
                    last, view.order, width=size.width, height=size.height, first=view.first
                )
                live.update(drawn, refresh=True)


def _newest(boards: Iterable[SeenBoard]) -> Iterator[SeenBoard | None]:
    """Yield boards, which a thread waits for, and None whenever there is no new one."""
    came: SimpleQueue[SeenBoard | BaseException] = SimpleQueue()

    def take() -> None:
        try:
            for seen in boards:
                came.put(seen)
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            came.put(error)

    Thread(target=take, name="board", daemon=True).start()
    news: SeenBoard | BaseException | None = came.get()
    while True:
        if isinstance(news, BaseException):
            raise news
        yield news
        try:
            news = came.get_nowait()
        except Empty:
            news = None
