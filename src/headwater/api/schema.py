"""JSON Schema of dataclasses, for the OpenAPI document (JSON Schema 2020-12)."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Annotated, Any, Union

from headwater.api.operation import Listed, Shape

Schema = dict[str, Any]

_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    object: {},
    Any: {},
}


class Schemas:
    """Schemas by name, each made once; `of` gives a reference to it."""

    def __init__(self) -> None:
        self.by_name: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:
        """Return the schema of what an answer holds."""
        match kind:
            case Listed(item):
                return self._listed(item)
            case Shape():
                return self._shape(kind)
            case _:
                return self._of_hint(kind)

    def of_body(self, kind: Any) -> Schema:
        """Return the schema of what a body holds: no key beside those of its dataclass."""
        if typing.get_origin(kind) is dict:
            item = typing.get_args(kind)[1]
            return {"type": "object", "additionalProperties": self.of_body(item)}
        # An answer with the same dataclass has all of its fields.
        name = f"{kind.__name__.removesuffix('Request')}Request"
        if name not in self.by_name:
            schema = self._object(kind, ())
            schema["required"] = [
                field.name
                for field in fields(kind)
                if field.default is MISSING and field.default_factory is MISSING
            ]
            self.by_name[name] = {**schema, "additionalProperties": False}
        return _reference(name)

    def _listed(self, item: Shape) -> Schema:
        return {
            "type": "object",
            "required": ["clock_s", "total", "next", "items"],
            "properties": {
                "clock_s": {"type": "number"},
                "total": {"type": "integer"},
                "next": {"type": ["string", "null"]},
                "items": {"type": "array", "items": self._shape(item)},
            },
        }

    def _shape(self, shape: Shape) -> Schema:
        name = shape.name or shape.record.__name__
        if name not in self.by_name:
            self.by_name[name] = {}
            schema = self._object(shape.record, shape.lacks)
            for beside, hint in shape.beside.items():
                schema["properties"][beside] = self._of_hint(hint)
                schema["required"].append(beside)
            self.by_name[name] = schema
        return _reference(name)

    def _object(self, kind: Any, lacks: tuple[str, ...]) -> Schema:
        hints = typing.get_type_hints(kind, include_extras=True)
        names = [field.name for field in fields(kind) if field.name not in lacks]
        doc = (inspect.getdoc(kind) or "").partition("\n\n")[0]
        return {
            "type": "object",
            "description": " ".join(doc.split()),
            "required": list(names),
            "properties": {name: self._of_hint(hints[name]) for name in names},
        }

    def _of_hint(self, hint: Any) -> Schema:
        if hint in _PLAIN:
            return dict(_PLAIN[hint])
        origin, parts = typing.get_origin(hint), typing.get_args(hint)
        if origin is Annotated:
            doc = next((note for note in hint.__metadata__ if isinstance(note, str)), "")
            return {**self._of_hint(parts[0]), "description": doc}
        if origin in {Union, types.UnionType}:
            return {"anyOf": [self._of_hint(part) for part in parts]}
        if origin is tuple:
            return {"type": "array", "items": self._of_hint(parts[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self._of_hint(parts[1])}
        if isinstance(hint, type) and issubclass(hint, Enum):
            return {"type": "string", "enum": [member.value for member in hint]}
        if is_dataclass(hint):
            assert isinstance(hint, type)  # noqa: S101 - a hint is no object
            return self._shape(Shape(hint))
        raise TypeError(f"{hint} has no schema")


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
