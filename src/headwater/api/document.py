"""The OpenAPI 3.1 document of the API, made of the table of operations."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from headwater.api.json_body import JSON
from headwater.api.operation import Operation
from headwater.api.query import Parameter
from headwater.api.schema import Schemas
from headwater.version import __version__

_PROBLEM = {
    "type": "object",
    "description": "Why a request was refused, and what to do (RFC 9457).",
    "required": ["title", "status", "detail", "code"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "A word for programs, which never changes."},
    },
}
_KINDS: dict[type, str] = {int: "integer", float: "number"}
_ADDRESS_PARAMETERS = {
    "{path}": ("path", "The path of a mount without its first slash; it may have slashes."),
    "{id}": ("id", "The id of a session."),
}
_OF_ALL = (400, 413, 414, 431, 500, 503)
_OF_RIGHTS = (401, 403, 429)


def openapi(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the document."""
    schemas = Schemas()
    schemas.by_name["Problem"] = _PROBLEM
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        methods = paths.setdefault(operation.address, {})
        methods[operation.method.lower()] = _described(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Headwater",
            "version": __version__,
            "description": "What a running server does, and a small set of actions on it. Times "
            "that end in `_s` and are no ages belong to the clock that `clock_s` tells.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.by_name,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _described(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": doc,
            "schema": {"type": "string", "minLength": 1},
        }
        for mark, (name, doc) in _ADDRESS_PARAMETERS.items()
        if mark in operation.address
    ]
    parameters += [_query_parameter(parameter) for parameter in operation.parameters]
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "responses": _responses(operation, schemas),
    }
    if parameters:
        described["parameters"] = parameters
    if operation.action is not None:
        # Nothing stands for programs on this machine, where there are no users.
        described["security"] = [{"basic": []}, {"bearer": []}, {}]
        described["description"] = f"It needs the right `{operation.action}`" + (
            " for the server as a whole." if operation.of_server else "."
        )
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": schemas.of_body(operation.body)}},
        }
    return described


def _query_parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": _KINDS.get(parameter.kind, "string")}
    if issubclass(parameter.kind, StrEnum):
        schema["enum"] = [str(member.value) for member in parameter.kind]
    elif parameter.kind is str:
        schema |= {"minLength": 1, "maxLength": parameter.most_characters}
    else:
        schema |= {"minimum": parameter.least, "maximum": parameter.most}
    if parameter.default is not None:
        schema["default"] = parameter.default
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.doc,
        "schema": schema,
    }


def _responses(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    success: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if isinstance(operation.answer, str):
        success["content"] = {operation.answer: {}}
    elif operation.answer is not None:
        success["content"] = {JSON: {"schema": schemas.of(operation.answer)}}
    statuses = {*_OF_ALL, *operation.refusals}
    if operation.action is not None:
        statuses |= {*_OF_RIGHTS}
    if operation.body is not None:
        statuses |= {408, 415, 422}
    refusals = {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": {"$ref": _PROBLEM_PLACE}}},
        }
        for status in sorted(statuses)
    }
    return {str(operation.status): success, **refusals}


_PROBLEM_PLACE = "#/components/schemas/Problem"
