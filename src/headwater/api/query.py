"""The query of a request, read by the parameters that its operation has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from starlette.requests import HTTPConnection

from headwater.http.refusal import HttpRefusal
from headwater.shown_text import shown

_MOST_CHARACTERS = 1024
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?([eE][+-]?\d{1,2})?", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter of a query.

    Attributes:
        name: what stands in front of `=`.
        doc: what it means.
        kind: int, float, str, or an enum of words.
        default: the value where it is not given.
        least, most: bounds of a number; `most` of a text is how many characters it has.
    """

    name: str
    doc: str
    kind: type = str
    default: Any = None
    least: float | None = None
    most: float | None = None

    def take(self, text: str) -> Any:
        """Return the value of a text. Raises HttpRefusal where it is none."""
        try:
            value = self._value(text)
        except ValueError:
            raise HttpRefusal(
                400,
                f"{self.name} is {shown(text, 64)!r}; it must be {self._allowed()}",
                code="invalid",
            ) from None
        return value

    def _value(self, text: str) -> Any:
        if self.kind is str:
            if not text.isprintable() or not 0 < len(text) <= self.most_characters:
                raise ValueError
            return text
        value = self.kind(text)
        if issubclass(self.kind, StrEnum):
            return value
        # Python reads more as a number than others do, such as `1_000` and ` 5`.
        assert self.least is not None and self.most is not None  # noqa: S101, PT018 - of numbers
        if not _NUMBER.fullmatch(text) or not self.least <= value <= self.most:
            raise ValueError
        return value

    @property
    def most_characters(self) -> int:
        """The most that a text has."""
        return _MOST_CHARACTERS if self.most is None else int(self.most)

    def _allowed(self) -> str:
        if issubclass(self.kind, StrEnum):
            return f"one of {', '.join(self.kind)}"
        if self.kind is str:
            return f"printable text of 1 to {self.most_characters} characters"
        number = "a whole number" if self.kind is int else "a number"
        return f"{number} from {self.least:g} to {self.most:g}"


LIMIT = Parameter(
    name="limit",
    doc="Most items in the answer.",
    kind=int,
    default=100,
    least=1,
    most=1000,
)
AFTER = Parameter(
    name="after",
    doc="`next` of the answer before, to go on behind it; none for the first page.",
    most=8192,
)
PAGING = (LIMIT, AFTER)


@dataclass(frozen=True, slots=True)
class Query:
    """The values of a query, by name."""

    values: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def query_of(request: HTTPConnection, parameters: Sequence[Parameter]) -> Query:
    """Return the values of all parameters, those that are not given by their defaults.

    Raises HttpRefusal for one that there is not, that stands twice, or has a value that cannot be.
    """
    by_name = {parameter.name: parameter for parameter in parameters}
    values = {parameter.name: parameter.default for parameter in parameters}
    given: set[str] = set()
    for name, text in request.query_params.multi_items():
        parameter = by_name.get(name)
        if parameter is None:
            known = ", ".join(by_name) or "none"
            raise HttpRefusal(
                400,
                f"there is no parameter {shown(name, 64)!r} here; there are {known}",
                code="invalid",
            )
        if name in given:
            raise HttpRefusal(400, f"{name} stands twice in the query", code="invalid")
        given.add(name)
        values[name] = parameter.take(text)
    return Query(values)
