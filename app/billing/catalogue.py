"""Products, meters and prices at Stripe: found by our names for them, or made. Nothing there is ever changed in place.

Safe to repeat, and to be cut off anywhere: what was made and not remembered is found again by its name.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, select

from app.billing import meters
from app.billing.meters import Meter
from app.billing.models import StripeObject
from app.billing.problems import Missing
from app.billing.stripe_api import StripeApi, key_for

log = logging.getLogger(__name__)

METER, PRICE, PRODUCT, PORTAL = "meter", "price", "product", "portal"

Clock = Callable[[], datetime]


class Catalogue:
    """What there is at Stripe for one installation and mode. Asks Stripe only for what it has not seen before."""

    def __init__(self, engine: Engine, api: StripeApi, *, clock: Clock) -> None:
        self._engine = engine
        self._api = api
        self._clock = clock
        with Session(engine) as session:
            rows = session.exec(select(StripeObject).where(StripeObject.mode == api.mode))
            self._known = {(row.kind, row.key): row.id for row in rows}

    def product(self, key: str, name: str, *, unit: str = "") -> str:
        """The id of the product `key`, which is at most 60 characters of [a-z0-9_-]. unit: what invoices call one of
        it, if that does not go without saying.
        """
        said = {"name": name[:250], **({"unit_label": unit} if unit else {})}
        return self._known.get((PRODUCT, key)) or self._remember(
            PRODUCT, key, self._find_product(f"postern_{key}", said)
        )

    def metered_price(self, meter: Meter, *, product: str) -> str:
        """The id of the price on `meter`, made with the meter if need be."""
        return self._price(
            meter.event_name,
            {
                "currency": meter.currency,
                "product": product,
                "nickname": meter.label[:250],
                "recurring": {"interval": "month", "usage_type": "metered", "meter": self.meter(meter)},
                **meters.price_of(meter),
            },
        )

    def flat_price(self, key: str, *, product: str, currency: str, interval: str, amount: int, label: str) -> str:
        """The id of a price of so many minor units per interval and quantity."""
        params = {"currency": currency, "product": product, "unit_amount": amount, "nickname": label[:250]}
        return self._price(key, {**params, "recurring": {"interval": interval}})

    def portal(self, features: Mapping[str, Any]) -> str:
        """The id of a configuration of the customer portal with these features."""
        key = key_for("portal", sorted(features.items()))
        params = {"features": dict(features)}
        return self._known.get((PORTAL, key)) or self._remember(
            PORTAL, key, self._make(self._api.v1.billing_portal.configurations.create, params, PORTAL, key)
        )

    def meter(self, meter: Meter) -> str:
        """The id of the meter itself."""
        known = self._known.get((METER, meter.event_name))
        if known is not None:
            return known
        every = self._api.every(self._api.v1.billing.meters.list, params={"status": "active"})
        found = next((one["id"] for one in every if one["event_name"] == meter.event_name), None)
        if found is None:
            params = {
                "display_name": meter.label[:250] or meter.event_name,
                "event_name": meter.event_name,
                "default_aggregation": {"formula": "sum"},
                "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
                "value_settings": {"event_payload_key": "value"},
            }
            found = self._make(self._api.v1.billing.meters.create, params, METER, meter.event_name)
        return self._remember(METER, meter.event_name, found)

    def _price(self, key: str, params: dict[str, Any]) -> str:
        known = self._known.get((PRICE, key))
        if known is not None:
            return known
        found = self._api.get(self._api.v1.prices.list, params={"lookup_keys": [key], "limit": 1})["data"]
        made = (
            found[0]["id"]
            if found
            else self._make(self._api.v1.prices.create, {**params, "lookup_key": key}, PRICE, key)
        )
        return self._remember(PRICE, key, made)

    def _find_product(self, product_id: str, said: Mapping[str, str]) -> str:
        try:
            return str(self._api.get(self._api.v1.products.retrieve, product_id)["id"])
        except Missing:
            return self._make(self._api.v1.products.create, {"id": product_id, **said}, PRODUCT, product_id)

    def _make(self, call: Callable[..., Any], params: dict[str, Any], kind: str, key: str) -> str:
        made = self._api.post(call, params=params, key=key_for(kind, self._api.mode, key, sorted(params.items())))
        log.info("stripe.made", extra={"kind": kind, "key": key, "id": made["id"]})
        return str(made["id"])

    def _remember(self, kind: str, key: str, found: str) -> str:
        make = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert
        row = {"mode": self._api.mode, "kind": kind, "key": key, "id": found, "created_at": self._clock()}
        named = ["mode", "kind", "key"]  # another process may have found it in the same moment
        with Session(self._engine) as session:
            session.execute(
                make(StripeObject).values(row).on_conflict_do_update(index_elements=named, set_={"id": found})
            )
            session.commit()
        self._known[kind, key] = found
        return found


def by_key(session: Session, mode: str, kind: str, keys: Iterable[str]) -> dict[str, str]:
    """Which ids at Stripe are known for `keys`."""
    statement = select(StripeObject).where(StripeObject.mode == mode, StripeObject.kind == kind)
    wanted = set(keys)
    return {row.key: row.id for row in session.exec(statement) if row.key in wanted}
