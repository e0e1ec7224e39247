"""What every operation works with: the store, the clock, the events, and how objects look from outside."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.sandbox.stripe import API_VERSION, errors, webhooks
from app.sandbox.stripe.errors import Refused
from app.sandbox.stripe.store import Store, Thing, new_id

Look = Callable[["Desk", Thing], Thing]
LOOKS: dict[str, Look] = {}
"""By kind, what an object shows besides what is stored."""
EXTRAS: dict[tuple[str, str], Look] = {}
"""By kind and name, what is shown only when it is asked for with `expand`."""

PAGE = 10


@dataclass(frozen=True)
class Settings:
    """url: the stand-in's own address. webhook_url: where events go, unless it is empty; others may be added."""

    url: str
    key: str
    webhook_url: str = ""
    webhook_secret: str = ""
    portal_url: str = ""


@dataclass(frozen=True)
class Ask:
    """One request as an operation sees it: checked parameters, and the ids in its path."""

    params: Mapping[str, Any]
    ids: Mapping[str, str]
    path: str
    idempotency_key: str | None = None
    request_id: str = field(default_factory=lambda: new_id("req_"))

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401  (any JSON)
        return self.params.get(name, default)

    @property
    def id(self) -> str:
        """The first id in the path."""
        return next(iter(self.ids.values()))


class Desk:
    """One stand-in. path: of its database; None keeps everything in memory."""

    def __init__(self, settings: Settings, path: Path | None = None) -> None:
        self.settings = settings
        self.store = Store(path)
        self.woken = threading.Event()
        self._ask: Ask | None = None
        self._living = threading.local()

    # Time

    def now(self) -> int:
        """Unix seconds by the clock that can be moved; while time is made up for, the moment that is being lived."""
        moment: int | None = getattr(self._living, "moment", None)
        if moment is not None:
            return moment
        frozen = self.store.fact("frozen_at")
        return int(frozen if frozen is not None else time.time() + self.store.fact("offset", 0))

    def ahead_s(self) -> int:
        """How far it was moved ahead of the real clock, with which it runs; 0 while it stands still."""
        is_frozen = self.store.fact("frozen_at") is not None
        return 0 if is_frozen else max(int(self.store.fact("offset", 0)), 0)

    def at(self, moment: int | None) -> None:
        """Live through `moment`, in this thread alone; None goes back to the clock."""
        self._living.moment = moment

    # Objects

    def new(self, kind: str, prefix: str, /, **fields: Any) -> Thing:  # noqa: ANN401
        """An object that is not kept yet."""
        return {"id": new_id(prefix), "object": kind, "created": self.now(), "livemode": False, **fields}

    def put(self, thing: Thing) -> Thing:
        return self.store.put(thing)

    def need(self, kind: str, id_: str, param: str = "id", *, status: int = 404) -> Thing:
        """The object of that kind, also a deleted one. Raises Refused, 400 when a parameter named it."""
        thing = self.store.get(id_)
        if thing is None or thing["object"] != kind:
            refused = errors.missing(kind, id_, param)
            refused.status = status
            raise refused
        return thing

    def living(self, kind: str, id_: str, param: str) -> Thing:
        """The object that a parameter names, which must not be deleted."""
        thing = self.need(kind, id_, param, status=400)
        if thing.get("deleted"):
            raise errors.missing(kind, id_, param)
        return thing

    # How things look

    def show(self, thing: Thing) -> Thing:
        """The object as Stripe shows it."""
        if thing.get("deleted"):
            return {"id": thing["id"], "object": thing["object"], "deleted": True}
        look = LOOKS.get(thing["object"])
        shown = look(self, thing) if look else thing
        return {name: value for name, value in shown.items() if not name.startswith("_")}

    def expand(self, shown: Any, paths: list[str]) -> Any:  # noqa: ANN401
        """`shown` with what the paths name in place of its id: `latest_invoice.payments`, `data.customer`."""
        for path in paths:
            self._expand(shown, path.split("."), path)
        return shown

    def _expand(self, shown: Any, steps: list[str], path: str) -> None:  # noqa: ANN401
        if isinstance(shown, list):
            for each in shown:
                self._expand(each, steps, path)
            return
        if not steps or shown is None:
            return
        name, *rest = steps
        extra = EXTRAS.get((str(shown.get("object")), name))
        if extra is not None and name not in shown and (thing := self.store.get(shown["id"])):
            shown[name] = extra(self, thing)
        if name not in shown:
            raise Refused(
                f"This property cannot be expanded ({path}). You may want to try expanding something else.",
                param="expand",
            )
        if isinstance(shown[name], str):
            found = self.store.get(shown[name])
            if found is None:
                raise Refused(f"This property cannot be expanded ({path}).", param="expand")
            shown[name] = self.show(found)
        self._expand(shown[name], rest, path)

    def listed(self, things: list[Thing], url: str, *, limit: int | None = None) -> Thing:
        """A list inside an object: its first things, shown."""
        some = things if limit is None else things[:limit]
        data = [self.show(each) for each in some]
        return {"object": "list", "data": data, "has_more": len(some) < len(things), "url": url}

    # Events

    def asked_by(self, ask: Ask | None) -> None:
        """Whose doing the next events are; None is Stripe's own."""
        self._ask = ask

    def emit(self, kind: str, thing: Thing, before: Thing | None = None) -> Thing:
        """An event with a snapshot of `thing`, for the list and for every endpoint that wants it.

        before: as `thing` was shown; what differs goes into previous_attributes.
        """
        shown = self.show(thing)
        data: Thing = {"object": shown}
        if before is not None:
            data["previous_attributes"] = {
                name: before.get(name) for name, value in shown.items() if before.get(name) != value
            }
        request = {
            "id": self._ask.request_id if self._ask else None,
            "idempotency_key": self._ask.idempotency_key if self._ask else None,
        }
        event = self.new(
            "event", "evt_", type=kind, api_version=API_VERSION, data=data, pending_webhooks=0, request=request
        )
        self.put(event | {"_ref": kind})
        self._announce(event, kind)
        return event

    def emit_thin(self, kind: str, related: Thing, data: Thing) -> Thing:
        """A thin event: the notification only names it; who wants its data retrieves it."""
        made = self.new("v2.core.event", "evt_test_")
        moment = rfc3339(made["created"])
        link = f"/v1/billing/meters/{related['id']}" if related else None
        thin = {
            "id": made["id"], "object": "v2.core.event", "type": kind, "livemode": False, "created": moment,
            "context": None, "reason": None,
        }  # fmt: skip
        if related:
            thin["related_object"] = {"id": related["id"], "type": "billing.meter", "url": link}
        self.put(made | {"_ref": kind, "_thin": thin | {"data": data, "changes": None}})
        self._announce(thin, kind)
        return made

    def _announce(self, body: Thing, kind: str) -> None:
        webhooks.post(self.store, body, kind, now=self.now())
        self.woken.set()


def rfc3339(moment: int) -> str:
    """“2026-11-15T00:00:00.000Z”."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(moment))
