"""The JSON of a request's body, read strictly: what is odd is refused, not guessed."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields
from typing import Any, Final, TypeVar

from starlette.requests import Request

from headwater.http.refusal import HttpRefusal
from headwater.http.request import body_of
from headwater.relay.limit_settings import LimitSettings
from headwater.shown_text import shown, without_credentials

RecordT = TypeVar("RecordT")

JSON: Final = "application/json"
MOST_DEPTH: Final = 8
"""Of lists and objects in each other; nothing that the API takes needs half of it."""

_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS: Final = re.compile(rb"[\[\]{}]")


async def json_of(request: Request, limits: LimitSettings) -> Any:
    """Return what a body holds.

    Raises:
        HttpRefusal: it is no JSON, too deep, too long, or not there.
    """
    body = await body_of(request, limits, JSON)
    if _depth_of(body) > MOST_DEPTH:
        raise HttpRefusal(
            400, f"the body has more than {MOST_DEPTH} levels of lists and objects", code="too_deep"
        )
    try:
        return json.loads(body, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise HttpRefusal(400, f"the body is no JSON: {error}", code="unreadable") from None


def record_of(value: Any, kind: type[RecordT], where: str = "the body") -> RecordT:
    """Return a dataclass, which checks its fields itself, of an object.

    Raises:
        HttpRefusal: it is no object, has a key that there is not, lacks one, or a value cannot be.
    """
    if not isinstance(value, dict):
        raise HttpRefusal(422, f"{where} must be an object", code="invalid")
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for name in value.keys() - known.keys():
        raise HttpRefusal(
            422, f"{where} has {shown(name)!r}; there are {', '.join(known)}", code="invalid"
        )
    for name, field in known.items():
        required = field.default is MISSING and field.default_factory is MISSING
        if required and name not in value:
            raise HttpRefusal(422, f"{where} has no {name!r}", code="invalid")
    try:
        return kind(**value)
    except (ValueError, TypeError) as error:
        message = without_credentials(str(error))
        raise HttpRefusal(422, f"{where}: {message}", code="invalid") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _depth_of(body: bytes) -> int:
    depth = most = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        most = max(most, depth)
    return most
