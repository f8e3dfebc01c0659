"""Answers in JSON, made in short steps: a large one must not hold the loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Generator, Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import TypeVar

from starlette.responses import Response

from headwater.control.json_text import json_pieces, plain

ResultT = TypeVar("ResultT")
ItemT = TypeVar("ItemT")

_SLICE_CHARACTERS = 16_384
_SLICE = 64


async def in_turns(steps: Generator[None, None, ResultT]) -> ResultT:
    """Run steps to their end, the loop's other work between them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: ResultT = end.value
            return result
        await asyncio.sleep(0)


async def in_slices(items: Iterable[ItemT]) -> AsyncIterator[ItemT]:
    """Yield what is made when it is asked for, the loop's other work between slices of it."""
    for number, item in enumerate(items, 1):
        yield item
        if number % _SLICE == 0:
            await asyncio.sleep(0)


def answer(value: object, status: int = 200) -> Response:
    """Return the answer with a small value."""
    return _response(json.dumps(plain(value), ensure_ascii=False), status)


async def record_answer(record: object) -> Response:
    """Return the answer with a dataclass, however many lists of dataclasses are in it."""
    pieces: list[str] = []
    length = 0
    for piece in json_pieces(record):
        pieces.append(piece)
        length += len(piece)
        if length >= _SLICE_CHARACTERS:
            length = 0
            await asyncio.sleep(0)
    return _response("".join(pieces))


async def list_answer(head: Mapping[str, object], items: AsyncIterator[object]) -> Response:
    """Return the answer with a list; the keys of `head` stand before its `items`."""
    texts = [json.dumps(plain(item), ensure_ascii=False) async for item in items]
    begin = json.dumps(plain(head), ensure_ascii=False)[:-1]
    return _response(f'{begin}, "items": [{", ".join(texts)}]}}')


async def each_in_turn(items: Iterable[object]) -> AsyncIterator[object]:
    """Yield items with the loop's other work between them."""
    for item in items:
        yield item
        await asyncio.sleep(0)


def without(record: object, *names: str) -> dict[str, object]:
    """Return the fields of a dataclass but some."""
    assert is_dataclass(record)  # noqa: S101 - what callers have
    return {
        field.name: getattr(record, field.name)
        for field in fields(record)
        if field.name not in names
    }


def _response(text: str, status: int = 200) -> Response:
    return Response(text, status_code=status, media_type="application/json")
