"""What goes wrong on request: chances between 0 and 1, drawn from a seeded sequence, so that a run can be repeated.

On the API: `lost_before` (the connection closes, nothing was done), `lost_after` (it closes, but it was done),
`error_before` (500, nothing done), `error_after` (500 although done; the same Idempotency-Key gets the same 500 again),
`rate_limited` (429). `hang_s` holds a connection so long before it closes. `paths` are beginnings of paths, such as
/v1/billing/meter_events; none means all. On webhooks: `duplicate`, `drop`, `delay` (by `delay_s`), `shuffle` (all
that is due goes out in any order).
"""

import random
from collections.abc import Mapping
from typing import Any

from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.store import Store

API = ("lost_before", "lost_after", "error_before", "error_after", "rate_limited")
WEBHOOKS = ("duplicate", "drop", "delay", "shuffle")
_NUMBERS = ("hang_s", "delay_s")


def set_to(store: Store, wanted: Mapping[str, Any]) -> None:
    """Only these faults from now on. Raises Refused for what is none, or is no chance."""
    known = {*API, *WEBHOOKS, *_NUMBERS, "seed", "paths"}
    for name, value in wanted.items():
        if name not in known:
            raise Refused(f"There is no fault “{name}”. There are: {', '.join(sorted(known))}.", param=name)
        if name in API + WEBHOOKS and not (isinstance(value, int | float) and 0 <= value <= 1):
            raise Refused("A chance is a number from 0 to 1.", param=name)
        if name in _NUMBERS and not (isinstance(value, int | float) and 0 <= value <= 600):
            raise Refused("Seconds are a number from 0 to 600.", param=name)
    store.set_fact("faults", dict(wanted))
    store.set_fact("draws", 0)


def in_force(store: Store) -> dict[str, Any]:
    found: dict[str, Any] = store.fact("faults", {})
    return found


def on_call(store: Store, path: str) -> str | None:
    """Which of API befalls this call, if any."""
    faults = in_force(store)
    if not any(faults.get(name) for name in API):
        return None
    if faults.get("paths") and not path.startswith(tuple(faults["paths"])):
        return None
    draw = _draw(store, faults)
    for name in API:
        draw -= faults.get(name, 0)
        if draw < 0:
            return name
    return None


def befalls(store: Store, name: str) -> bool:
    """Whether `name`, one of WEBHOOKS, happens this time."""
    faults = in_force(store)
    return bool(faults.get(name)) and _draw(store, faults) < faults[name]


def order(store: Store, count: int) -> list[int]:
    """In which order so many deliveries go out."""
    places = list(range(count))
    if count > 1 and befalls(store, "shuffle"):
        random.Random(f"{in_force(store).get('seed', 0)}:{store.fact('draws', 0)}:order").shuffle(places)  # noqa: S311
    return places


def _draw(store: Store, faults: Mapping[str, Any]) -> float:
    number = store.fact("draws", 0)
    store.set_fact("draws", number + 1)
    return random.Random(f"{faults.get('seed', 0)}:{number}").random()  # noqa: S311  (repeatable is what is wanted)
