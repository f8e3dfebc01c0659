"""The page that describes the API to people: plain HTML, which asks no other host for anything."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from html import escape

from starlette.requests import Request
from starlette.responses import Response

from headwater.api.operation import Listed, Operation, Shape
from headwater.api.query import Parameter
from headwater.version import __version__

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 0 auto; padding: 1rem; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
section { border-top: 1px solid #8886; padding: .5rem 0; }
h2 { font-size: 1rem; margin: .5rem 0; }
.method { display: inline-block; min-width: 4rem; font-weight: 700; }
dl { display: grid; grid-template-columns: 8rem 1fr; gap: .25rem 1rem; margin: .5rem 0; }
dd { margin: 0; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } }
"""
_POLICY = (
    "default-src 'none'; frame-ancestors 'none'; style-src 'sha256-"
    f"{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
)


class ApiPage:
    """Shows the table of operations."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._html = "".join(_parts(operations))

    async def show(self, _request: Request) -> Response:
        """Answer with the page."""
        headers = {"Content-Security-Policy": _POLICY}
        return Response(self._html, media_type="text/html; charset=utf-8", headers=headers)


def _parts(operations: Iterable[Operation]) -> Iterator[str]:
    yield (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>API of Headwater</title><style>{_STYLE}</style>"
        f"<h1>API of Headwater {escape(__version__)}</h1>"
        '<p>The same for programs: <a href="/v1/openapi.json">openapi.json</a> (OpenAPI 3.1). '
        "Refusals are <code>application/problem+json</code>; <code>detail</code> says what to do."
        "</p>"
    )
    for operation in operations:
        right = f"Right: <code>{operation.action}</code>." if operation.action else ""
        yield (
            f'<section id="{operation.id}"><h2><span class="method">{operation.method}</span>'
            f"<code>{escape(operation.address)}</code></h2>"
            f"<p>{_marked(operation.summary)} {right} Answer: {_answer(operation)}</p>"
        )
        if operation.parameters:
            yield f"<dl>{''.join(map(_parameter, operation.parameters))}</dl>"
        yield "</section>"
    yield "</html>"


def _parameter(parameter: Parameter) -> str:
    default = "" if parameter.default is None else f" ({parameter.default} if not given)"
    return f"<dt><code>{parameter.name}</code></dt><dd>{_marked(parameter.doc)}{default}</dd>"


def _answer(operation: Operation) -> str:
    match operation.answer:
        case None:
            return "none."
        case str() as media_type:
            return f"<code>{escape(media_type)}</code>."
        case Listed(item):
            return f"pages of <code>{item.name or item.record.__name__}</code>."
        case Shape() as shape:
            return f"<code>{shape.name or shape.record.__name__}</code>."


def _marked(text: str) -> str:
    """Return text with what stands between backticks as code."""
    parts = escape(text).split("`")
    return "".join(
        f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts)
    )
