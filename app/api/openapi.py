"""The OpenAPI 3.1 document, made of what the endpoints declare and of the models that they read and write with."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import models_json_schema

from app.api import rates
from app.api.endpoints import Endpoint
from app.api.schemas import Problem, fields_of

VERSION = "1.0.0"
_ARGUMENT = re.compile(r"<(?:(\w+):)?(\w+)>")
_REFUSALS = {
    "400": "The body is no JSON.",
    "401": "No admin key, or one that does not work.",
    "403": "The admin key’s role does not include it.",
    "404": "There is no such thing in this organisation.",
    "409": "The state of things does not allow it.",
    "413": "The body is too large.",
    "415": "The body is not declared as JSON.",
    "422": "A field is wrong or unknown, or a rule is broken.",
    "429": "Too many requests (with Retry-After), or a stated limit is reached.",
    "503": "Something that this needs does not answer; ask again.",
}
_JSON = "application/json"
_IDS = {"type": "string", "format": "uuid"}
_NAMED = {
    "month": {"type": "string", "pattern": r"^20[0-9]{2}-(0[1-9]|1[0-2])$"},
    "slug": {"type": "string", "pattern": r"^[a-z0-9-]{1,40}$"},
    "line": {"type": "string", "pattern": r"^[A-Za-z0-9._-]{1,120}$"},
    "hour": {"type": "string", "pattern": r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}$"},
    "call_id": {"type": "string", "pattern": r"^(rcp|req)_[0-9A-HJKMNP-TV-Z]{26}$"},
    "invoice_id": {"type": "string", "pattern": r"^in_[A-Za-z0-9]{1,60}$"},
}
"""Arguments of paths that are no UUIDs."""


def document(endpoints: Iterable[Endpoint], *, product: str, portal_url: str) -> dict[str, Any]:
    """As JSON."""
    found = list(endpoints)
    read = {one.body for one in found if one.body is not None}
    written = {one.answer for one in found if one.answer is not None} | {Problem}
    models = [(model, "validation") for model in read] + [(model, "serialization") for model in written]
    _, schemas = models_json_schema(
        sorted(models, key=lambda pair: pair[0].__name__),  # type: ignore[arg-type]  # str is one of its literals
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, dict[str, Any]] = {}
    for one in found:
        paths.setdefault(_ARGUMENT.sub(r"{\2}", one.path), {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{product}: API of an organisation",
            "version": VERSION,
            "description": "What the console does with keys, members, usage and billing. Ask with an admin key.",
        },
        "servers": [{"url": f"{portal_url}/api/v1"}],
        "security": [{"admin_key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"admin_key": {"type": "http", "scheme": "bearer"}},
            "responses": {status: _problem(words) for status, words in _REFUSALS.items()},
        },
    }


def _operation(one: Endpoint) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done.", "headers": _headers()}
    if one.answer is not None:
        done["content"] = {_JSON: {"schema": _ref(one.answer)}}
    refusals = {status: {"$ref": f"#/components/responses/{status}"} for status in _REFUSALS}
    operation: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "description": f"For roles with `{one.permission}`.",
        "parameters": [*_in_path(one.path), *_in_query(one), *_in_headers(one.method)],
        "responses": {str(one.status): done, **refusals},
    }
    if one.body is not None:
        is_needed = any(field.is_required() for field in one.body.model_fields.values())
        operation["requestBody"] = {"required": is_needed, "content": {_JSON: {"schema": _ref(one.body)}}}
    return operation


def _ref(model: type[object]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _in_path(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _IDS if kind == "uuid" else _NAMED[name]}
        for kind, name in _ARGUMENT.findall(path)
    ]


def _in_query(one: Endpoint) -> list[dict[str, Any]]:
    if one.query is None:
        return []
    return [
        {"name": name, "in": "query", "required": False, "schema": _plain(schema)}
        for name, schema in fields_of(one.query).items()
    ]


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Without “or null”, which nobody can say in an address: left out is left out."""
    either = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default", "title")}
    default = {} if schema.get("default") is None else {"default": schema["default"]}
    return {**(either[0] if either else {}), **rest, **default}


def _in_headers(method: str) -> list[dict[str, Any]]:
    if method != "POST":
        return []
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
    words = "The same key and request within 24 hours are done once and answered the same."
    return [{"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema, "description": words}]


def _problem(words: str) -> dict[str, Any]:
    return {"description": words, "content": {"application/problem+json": {"schema": _ref(Problem)}}}


def _headers() -> dict[str, Any]:
    return {
        "RateLimit-Policy": {"description": rates.POLICY, "required": True, "schema": {"type": "string"}},
        "RateLimit": {"description": "What is left.", "required": True, "schema": {"type": "string"}},
    }
