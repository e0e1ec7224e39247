"""What test keys get instead of a call: the sample that the operator gave, or one made up from the tool's schema."""

import json
from typing import Any

Json = Any

MAX_DEPTH = 8
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "sample@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def made_up(definition: bytes) -> dict[str, Json]:
    """A result of the tool with this definition, of the form that its outputSchema asks for, saying what it is."""
    tool = json.loads(definition)
    words = f"A sample answer of “{tool.get('name', '')}”: calls with a test key do not reach the integration."
    result: dict[str, Json] = {"content": [{"type": "text", "text": words}], "isError": False}
    schema = tool.get("outputSchema")
    if isinstance(schema, dict):
        structured = _Maker(schema).made(schema, 0)
        if isinstance(structured, dict):
            text = {"type": "text", "text": json.dumps(structured, ensure_ascii=False)}
            result |= {"structuredContent": structured, "content": [*result["content"], text]}
    return result


def arguments(definition: str) -> dict[str, Json]:
    """Arguments of a tool with this definition: what its inputSchema requires, made up; {} where nothing is known."""
    schema = json.loads(definition).get("inputSchema") if definition else None
    made = _Maker(schema).made(schema, 0) if isinstance(schema, dict) else None
    return made if isinstance(made, dict) else {}


class _Maker:
    """Makes the plainest thing that a schema allows; what is beyond it (patterns, conditions) it leaves out."""

    def __init__(self, root: dict[str, Json]) -> None:
        self._root = root

    def made(self, schema: Json, depth: int) -> Json:
        """Something that fits `schema`."""
        if not isinstance(schema, dict) or depth > MAX_DEPTH:
            return None
        for given in ("const", "default"):
            if given in schema:
                return schema[given]
        for given in ("enum", "examples"):
            if isinstance(schema.get(given), list) and schema[given]:
                return schema[given][0]
        for inner in self._alternatives(schema):
            return self.made(inner, depth + 1)
        return self._of_kind(schema, depth)

    def _alternatives(self, schema: dict[str, Json]) -> list[Json]:
        if isinstance(schema.get("$ref"), str):
            return [self._referred(schema["$ref"])]
        for several in ("oneOf", "anyOf", "allOf"):
            if isinstance(schema.get(several), list) and schema[several]:
                return list(schema[several])
        return []

    def _referred(self, reference: str) -> Json:
        found: Json = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            if not isinstance(found, dict):
                return None
            found = found.get(step.replace("~1", "/").replace("~0", "~")) if step else found
        return found

    def _of_kind(self, schema: dict[str, Json], depth: int) -> Json:
        kinds = schema.get("type", "object" if "properties" in schema else "null")
        kind = kinds[0] if isinstance(kinds, list) and kinds else kinds
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            least = min(int(_number(schema.get("minItems"))), 10)
            return [self.made(schema.get("items"), depth + 1) for _ in range(max(least, 1))]
        if kind == "string":
            least = min(int(_number(schema.get("minLength"))), 1000)
            return _FORMATS.get(str(schema.get("format")), "sample".ljust(least, "."))
        if kind in ("integer", "number"):
            return _number(schema.get("minimum"))
        return False if kind == "boolean" else None

    def _object(self, schema: dict[str, Json], depth: int) -> dict[str, Json]:
        properties, required = schema.get("properties"), schema.get("required")
        properties = properties if isinstance(properties, dict) else {}
        names = required if isinstance(required, list) else []
        return {name: self.made(properties.get(name), depth + 1) for name in names if isinstance(name, str)}


def _number(value: Json) -> Json:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0
