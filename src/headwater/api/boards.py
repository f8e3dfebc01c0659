"""The board as a stream: whole at first, then what has changed, for as long as somebody looks."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from headwater.access.decision import Action
from headwater.api.caller import SERVER, Callers, Rights
from headwater.api.operation import Call, Operation
from headwater.api.view import ServerView
from headwater.control.board.board import Board, Seen
from headwater.control.board.card import Card
from headwater.control.json_text import plain
from headwater.control.status import PortsStatus
from headwater.control.turns import in_turns
from headwater.http.endless import EndlessResponse
from headwater.http.refusal import HttpRefusal
from headwater.log_pace import paced_logger
from headwater.protocol.path_pattern import matches

logger = paced_logger(__name__)

MOST_BOARDS: Final = 64
_LOOKS_EVERY_S: Final = 2.0
_SOONEST_S: Final = 0.4
"""So soon after an event, with those that come together with it."""
_LOOKING_SHARE: Final = 0.05
"""Of the time, at most, goes into looking."""
_TEXTS_AT_ONCE: Final = 32
_TYPE: Final = "text/event-stream"


@dataclass(frozen=True, slots=True)
class _Page:
    """What the board shows at one moment, with the JSON of each card."""

    seen: Seen
    ports: PortsStatus
    texts: Mapping[str, str]


class Boards:
    """Looks at the server while anybody has a board open, once for all of them.

    Attributes:
        open: how many are open.
    """

    def __init__(
        self,
        view: ServerView,
        callers: Callers,
        added: Callable[[], Collection[str]],
        log_number: Callable[[], int],
    ) -> None:
        """`added` tells the paths whose sources the API was given."""
        self.open = 0
        self._view = view
        self._callers = callers
        self._added = added
        self._log_number = log_number
        self._looker: _Looker | None = None

    def operations(self) -> tuple[Operation, ...]:
        """Return the part of the table."""
        return (
            Operation(
                id="streamBoard",
                method="GET",
                address="/v1/board",
                action=Action.LOOK,
                summary="A card for each path, with rates and warnings: all at first, then what "
                "has changed, as server-sent events named `board`.",
                run=self._stream,
                answer=_TYPE,
            ),
        )

    async def _stream(self, call: Call) -> Response:
        if self.open >= MOST_BOARDS:
            raise HttpRefusal(
                503,
                f"{MOST_BOARDS} boards are open already; close one",
                code="full",
                headers=[("Retry-After", "5")],
            )
        return EndlessResponse(self._lines(call), media_type=_TYPE)

    async def _lines(self, call: Call) -> AsyncIterator[str]:
        told = _Told()
        try:
            with self._opened() as looker:
                async for page in looker.pages():
                    if self._callers.has_expired(call.caller):
                        return
                    # What the caller may can change while the board is open.
                    rights = self._callers.rights_of(call.caller)
                    news = await told.news(page, rights, frozenset(self._added()))
                    if any(matches(pattern, SERVER) for pattern in rights.control):
                        news["log"] = self._log_number()
                    yield f"event: board\ndata: {_joined(news)}\n\n"
        except asyncio.CancelledError:
            return  # the server stops

    @contextlib.contextmanager
    def _opened(self) -> Iterator[_Looker]:
        self.open += 1
        looker = self._looker
        if looker is None or looker.over:
            looker = self._looker = _Looker(self._view)
        try:
            yield looker
        finally:
            self.open -= 1
            if not self.open and self._looker is looker:
                looker.stop()
                self._looker = None


class _Looker:
    """Looks every two seconds, and soon after something has happened, until it is stopped."""

    def __init__(self, view: ServerView) -> None:
        loop = asyncio.get_running_loop()
        self._view = view
        self._page: _Page | None = None
        self._next: asyncio.Future[_Page | None] = loop.create_future()
        self._task = loop.create_task(self._run(), name="board")

    @property
    def over(self) -> bool:
        """Whether it looks no more."""
        return self._task.done()

    def stop(self) -> None:
        """Look no more."""
        self._task.cancel()

    async def pages(self) -> AsyncIterator[_Page]:
        """Yield the page of now, then each that is the newest when the one before was told."""
        page = self._page or await asyncio.shield(self._next)
        while page is not None:
            yield page
            newest = self._page
            page = newest if newest is not page else await asyncio.shield(self._next)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        board = Board()
        try:
            with self._view.events() as events:
                while True:
                    began_s = loop.time()
                    self._turn_to(await self._look(board))
                    took_s = loop.time() - began_s
                    await asyncio.sleep(max(_SOONEST_S, took_s / _LOOKING_SHARE))
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout_at(began_s + _LOOKS_EVERY_S):
                            await anext(events)
                    while events.take() is not None:
                        pass
        except StopAsyncIteration:
            pass  # the server stops
        except Exception:
            logger.exception("board failed")
        finally:
            self._turn_to(None)

    def _turn_to(self, page: _Page | None) -> None:
        turned, self._page = self._next, page
        self._next = asyncio.get_running_loop().create_future()
        if not turned.done():
            turned.set_result(page)

    async def _look(self, board: Board) -> _Page:
        before = self._page
        look = await self._view.look()
        seen = await in_turns(board.steps(look))
        texts: dict[str, str] = {}
        for number, (path, card) in enumerate(seen.cards.items(), 1):
            same = before is not None and before.seen.cards.get(path) == card
            texts[path] = before.texts[path] if before and same else _text_of(card)
            if number % _TEXTS_AT_ONCE == 0:
                await asyncio.sleep(0)
        return _Page(seen, look.status.ports, texts)


class _Told:
    """What one board has been told."""

    def __init__(self) -> None:
        self._shown: set[str] = set()
        self._texts: Mapping[str, str] = {}
        self._ends: dict[str, str] = {}
        self._ports: PortsStatus | None = None
        self._rights: Rights | None = None
        self._added: frozenset[str] = frozenset()

    async def news(self, page: _Page, rights: Rights, added: frozenset[str]) -> dict[str, object]:
        """Return what has changed since the last page."""
        server = page.seen.server
        news: dict[str, object] = {"clock_s": server.clock_s}
        if _may(rights.look, SERVER):
            news["server"] = server
        if self._ports is None:
            ports = self._ports = page.ports
            news["ports"] = {"publish": ports.publish, "play": ports.play, "rtsps": ports.rtsps}
        if rights != self._rights:
            news["rights"] = rights
        if rights != self._rights or self._added != added:
            self._rights, self._added = rights, added
            self._texts = {}
            self._ends.clear()
        shown: set[str] = set()
        cards: list[str] = []
        for path, text in page.texts.items():
            end = self._ends.get(path)
            if end is None:
                end = self._ends[path] = _end_of_card(path, rights, self._added)
                if len(self._ends) % _TEXTS_AT_ONCE == 0:
                    await asyncio.sleep(0)
            if end:
                shown.add(path)
                # A card that is as before has the same text, not one like it.
                if self._texts.get(path) is not text:
                    cards.append(text[:-1] + end)
        news["gone"] = [path for path in self._shown if path not in shown]
        news["cards"] = cards
        self._shown, self._texts = shown, page.texts
        if len(self._ends) > len(page.texts):
            self._ends = {path: self._ends[path] for path in page.texts}
        return news


def _may(patterns: Collection[str], path: str) -> bool:
    return any(matches(pattern, path) for pattern in patterns)


def _end_of_card(path: str, rights: Rights, added: Collection[str]) -> str:
    """Return what a card has beside for one caller; "" where the caller may not see it."""
    if not _may(rights.look, path):
        return ""
    may = {
        "control": _may(rights.control, path),
        "play": _may(rights.play, path),
        "added": path in added,
    }
    return f", {json.dumps(may)[1:]}"


def _text_of(card: Card) -> str:
    return json.dumps(plain(card), ensure_ascii=False)


def _joined(news: dict[str, object]) -> str:
    """Return the JSON of the news, whose cards are texts already."""
    cards = news.pop("cards")
    assert isinstance(cards, list)  # noqa: S101 - of texts, by `news`
    head = json.dumps(plain(news), ensure_ascii=False)
    return f'{head[:-1]}, "cards": [{", ".join(cards)}]}}'
