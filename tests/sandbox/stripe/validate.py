"""Checks requests and answers against the description of Stripe's API, where one is on this machine.

STRIPE_OPENAPI names the file (gzipped JSON). Without it nothing is checked: the project does not need it.
"""

import functools
import gzip
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from app.sandbox.stripe.params import Word

UNDESCRIBED = "/v2/core/events"
"""The description has only what all thin events share, not their data."""
NAMED = os.environ.get("STRIPE_OPENAPI")


@functools.cache
def place() -> Path | None:
    """The description's file, if it is here: as named, or beside the checkout or one of its parents."""
    if NAMED:
        return Path(NAMED)
    root = Path(__file__).resolve().parents[3]
    found = [folder / "shared/stripe/openapi.derived.json.gz" for folder in root.parents]
    return next((each for each in found if each.exists()), None)


@functools.cache
def description() -> dict[str, Any]:
    path = place()
    assert path is not None
    with gzip.open(path) as file:
        return json.load(file)


class Checked:
    """WSGI middleware: notes in `problems` every request that Stripe's description does not allow, and every answer
    that it does not describe. A request that the stand-in refuses may be wrong, unless `is_strict`.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app
        self.problems: list[str] = []
        self.is_strict = False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if place() is None or not path.startswith(("/v1/", "/v2/")):
            return self.app(environ, start_response)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = io.BytesIO(body)
        said: list[str] = []

        def noting(line: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            said.append(line)
            return start_response(line, headers, *rest)

        answered = self.app(environ, noting)
        answer = b"".join(answered)
        if hasattr(answered, "close"):
            answered.close()
        status = int(said[0][:3])
        text = body.decode() if method == "POST" else environ.get("QUERY_STRING", "")
        self.problems += wrong_in(method, path, text, status, is_strict=self.is_strict)
        template, operation = find(method, path)
        if status == 200 and operation is not None and not path.startswith(UNDESCRIBED):
            self.problems += [f"{method} {template} answered {each}" for each in check_answer(operation, answer)]
        return [answer]


def wrong_in(method: str, path: str, text: str, status: int, *, is_strict: bool) -> list[str]:
    """What the description does not allow in a request. text: its body, or its query.

    is_strict: whoever asked meant it; otherwise what was refused (400) or is not there (404) may be wrong.
    """
    template, operation = find(method, path)
    if operation is None:
        return [] if status == 404 and not is_strict else [f"{method} {path}: no such operation"]
    if status == 400 and not is_strict:
        return []
    values = json.loads(text or "{}") if path.startswith("/v2/") and method == "POST" else nested(parse_qsl(text, True))
    return [f"{method} {template}: {each}" for each in check_request(operation, values, method)]


def wrong_in_file(path: Path) -> list[str]:
    """Of everything that a stand-in wrote down (app/sandbox/stripe/asked.py)."""
    if place() is None:
        return []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    asked = {
        (one["method"], one["path"], one["body"] if one["method"] == "POST" else one["query"], one["status"])
        for one in lines
    }
    return [problem for one in sorted(asked) for problem in wrong_in(*one, is_strict=True)]


def find(method: str, path: str) -> tuple[str, dict[str, Any] | None]:
    """The description's operation for a path; literal steps go before named ones."""
    fits = (each for each in operations() if each[0] == method.lower() and each[1].fullmatch(path))
    return next(((template, operation) for _, _, template, operation in fits), ("", None))


@functools.cache
def operations() -> list[tuple[str, re.Pattern[str], str, dict[str, Any]]]:
    """(method, what its paths look like, template, operation), those with the fewest names first."""
    found = [
        (method, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template)), template, operation)
        for template, methods in description()["paths"].items()
        for method, operation in methods.items()
    ]
    return sorted(found, key=lambda each: each[2].count("{"))


def nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        steps = re.findall(r"[^\[\]]+", key)
        if key.endswith("[]"):
            steps.append(str(len(pairs)))
        at = found
        for step in steps[:-1]:
            inner = at.setdefault(step, {})
            if not isinstance(inner, dict):
                return {key: value}  # malformed: whoever reads it must refuse it
            at = inner
        at[steps[-1]] = value
    return found


def schema_of(operation: dict[str, Any], method: str) -> dict[str, Any]:
    """What the operation takes, as one object."""
    if method == "POST":
        contents = operation.get("requestBody", {}).get("content", {})
        return next(iter(contents.values()))["schema"] if contents else {"type": "object", "properties": {}}
    query = [each for each in operation.get("parameters", []) if each["in"] == "query"]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {each["name"]: each["schema"] for each in query},
        "required": [each["name"] for each in query if each.get("required")],
    }


def not_stripes(words: Mapping[str, Word], schema: dict[str, Any], within: str = "") -> list[str]:
    """Parameters that the stand-in takes and Stripe does not, by their place."""
    branches = [each for each in schema.get("anyOf", [schema]) if "enum" not in each]
    known = {name: each for branch in branches for name, each in (branch.get("properties") or {}).items()}
    found = []
    for name, word in words.items():
        if name == "*":
            continue
        if name not in known:
            found.append(f"{within}{name}")
            continue
        inner = known[name]
        inner = next((each for each in inner.get("anyOf", []) if each.get("type") in ("array", "object")), inner)
        inner = inner.get("items", inner)
        found += not_stripes(word.inside or {}, inner, f"{within}{name}.")
    return found


def check_request(operation: dict[str, Any], values: dict[str, Any], method: str) -> list[str]:
    """What is wrong with the parameters."""
    schema = schema_of(operation, method)
    return _problems(values, schema, "", from_form=True)


def check_answer(operation: dict[str, Any], answer: bytes) -> list[str]:
    """What is wrong with a 200: a field that is not described, or of another type."""
    content = operation["responses"]["200"].get("content", {})
    if not content:
        return []
    schema = next(iter(content.values()))["schema"]
    return _problems(json.loads(answer), schema, "", from_form=False)


def _problems(value: Any, schema: dict[str, Any], where: str, *, from_form: bool) -> list[str]:  # noqa: PLR0911
    if "$ref" in schema:
        if value is None and not from_form:
            return []  # a reference has no room for “or null”
        schema = description()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if value is None:
        return [] if schema.get("nullable") else [f"{where} is null"]
    if "anyOf" in schema:
        fit = [each for each in schema["anyOf"] if not isinstance(value, dict) or each.get("type") != "string"]
        tried = [_problems(value, each, where, from_form=from_form) for each in fit]
        return min(tried, key=len, default=[])
    if "enum" in schema:
        right = [str(each).lower() for each in schema["enum"]]
        if str(value).lower() in right or (schema.get("x-sdkOpenEnum") and not from_form):
            return []  # answers may hold new words; whoever asks uses known ones
        return [f"{where} = {str(value)[:60]!r} is none of {right[:6]}"]
    kind = schema.get("type", "object" if "properties" in schema else None)
    if kind == "object":
        return _object(value, schema, where, from_form=from_form)
    if kind == "array":
        if from_form and isinstance(value, dict):
            value = list(value.values())
        if not isinstance(value, list):
            return [f"{where} is no list"]
        items = schema.get("items", {})
        return [
            each
            for at, one in enumerate(value)
            for each in _problems(one, items, f"{where}[{at}]", from_form=from_form)
        ]
    return _plain(value, kind, where, from_form=from_form)


def _object(value: Any, schema: dict[str, Any], where: str, *, from_form: bool) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    known = schema.get("properties")
    if known is None:
        return []
    free = schema.get("additionalProperties")
    unknown = [] if free not in (None, False) else [f"{where}.{name} is unknown" for name in value if name not in known]
    lacking = [f"{where}.{name} is missing" for name in schema.get("required", []) if name not in value]
    inside = [
        each
        for name, one in value.items()
        if name in known
        for each in _problems(one, known[name], f"{where}.{name}", from_form=from_form)
    ]
    return unknown + lacking + inside


def _plain(value: Any, kind: str | None, where: str, *, from_form: bool) -> list[str]:
    text = str(value)
    if from_form:
        right = {
            "integer": re.fullmatch(r"-?\d+", text), "boolean": text.lower() in ("true", "false"),
            "number": re.fullmatch(r"-?\d+(\.\d+)?", text), "string": text != "" and not isinstance(value, dict),
        }.get(kind or "", True)  # fmt: skip
    else:
        right = {
            "integer": type(value) is int, "boolean": type(value) is bool, "number": type(value) in (int, float),
            "string": isinstance(value, str),
        }.get(kind or "", True)  # fmt: skip
    return [] if right else [f"{where} = {text[:60]!r} is no {kind}"]
