"""Which operations there are: method, path, the parameters they take, and the function that does it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.sandbox.stripe.desk import Ask, Desk
from app.sandbox.stripe.store import Thing

Do = Callable[[Desk, Ask], Thing]
LIST = "limit:int starting_after ending_before expand[]"


@dataclass(frozen=True)
class Operation:
    """takes: a line that params.spec reads. path: with ids as `<id>`."""

    method: str
    path: str
    takes: str
    do: Do


OPERATIONS: list[Operation] = []


def operation(method: str, path: str, takes: str = "") -> Callable[[Do], Do]:
    """Register a function as what answers `method path`; every operation also takes `expand`."""

    def register(do: Do) -> Do:
        OPERATIONS.append(Operation(method, path, f"{takes} expand[]", do))
        return do

    return register


def page(desk: Desk, ask: Ask, things: list[Thing], *, show: Callable[[Thing], Any] | None = None) -> Thing:
    """`things`, newest first, as the page that the request asks for."""
    limit = ask.get("limit", 10)
    ids = [each["id"] for each in things]
    is_back = "ending_before" in ask.params
    if is_back:
        end = ids.index(ask.params["ending_before"]) if ask.params["ending_before"] in ids else 0
        some, has_more = things[max(0, end - limit) : end], end > limit
    else:
        start = ids.index(ask.params["starting_after"]) + 1 if ask.get("starting_after") in ids else 0
        some, has_more = things[start : start + limit], len(things) > start + limit
    data = [(show or desk.show)(each) for each in some]
    return {"object": "list", "data": data, "has_more": has_more, "url": ask.path}


def within(ask: Ask, things: list[Thing], name: str = "created") -> list[Thing]:
    """Those whose moment lies within the filter `created[gte]` and so on."""
    asked = ask.get(name) or {}
    tests: dict[str, Callable[[int, int], bool]] = {
        "gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__,
    }  # fmt: skip
    return [each for each in things if all(tests[key](each[name], int(value)) for key, value in asked.items())]
