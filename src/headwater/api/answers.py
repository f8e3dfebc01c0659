"""Answers in JSON, made in short steps: a large one must not hold the loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass

from starlette.responses import Response

from headwater.control.json_text import json_pieces, plain

_SLICE_CHARACTERS = 16_384


def answer(value: object, status: int = 200) -> Response:
    """Return the answer with a small value."""
    return response(text_of(value), status)


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
    return response("".join(pieces))


async def list_text(head: Mapping[str, object], items: Iterable[object]) -> str:
    """Return the JSON of a list; the keys of `head` stand before its `items`."""
    texts: list[str] = []
    length = 0
    for item in items:
        texts.append(text_of(item))
        length += len(texts[-1])
        if length >= _SLICE_CHARACTERS:
            length = 0
            await asyncio.sleep(0)
    return f'{text_of(head)[:-1]}, "items": [{", ".join(texts)}]}}'


def text_of(value: object) -> str:
    """Return the JSON of a small value."""
    return json.dumps(plain(value), ensure_ascii=False)


def without(record: object, *names: str) -> dict[str, object]:
    """Return the fields of a dataclass but some."""
    assert is_dataclass(record)  # noqa: S101 - what callers have
    return {
        field.name: getattr(record, field.name)
        for field in fields(record)
        if field.name not in names
    }


def response(text: str | bytes, status: int = 200) -> Response:
    """Return the answer with JSON."""
    return Response(text, status_code=status, media_type="application/json")
