"""Products and prices: found by lookup key, never changed in what they cost."""

from decimal import Decimal

import pytest
import stripe as sdk

from tests.sandbox.stripe import shop


def test_product_is_made_changed_and_listed(api):
    product = api.products.create({"name": "Calls", "metadata": {"plan": "team"}})

    changed = api.products.update(product.id, {"name": "Tool calls", "active": False, "metadata": {"plan": ""}})

    assert (changed.name, changed.active, changed.metadata.to_dict()) == ("Tool calls", False, {})
    assert [each.id for each in api.products.list({"active": False}).data] == [product.id]
    assert api.products.retrieve(product.id).name == "Tool calls"
    assert api.products.delete(product.id).deleted


def test_price_is_found_by_its_lookup_key(stripe, api):
    price = shop.flat(stripe, 2900)
    api.prices.update(price.id, {"lookup_key": "team-month"})

    found = api.prices.list({"lookup_keys": ["team-month", "other"]}).data

    assert [each.id for each in found] == [price.id]
    assert (found[0].unit_amount, found[0].unit_amount_decimal) == (2900, Decimal(2900))


def test_lookup_key_moves_only_when_asked(stripe, api):
    old, new = shop.flat(stripe, 100), shop.flat(stripe, 200)
    api.prices.update(old.id, {"lookup_key": "team"})

    with pytest.raises(sdk.InvalidRequestError, match="already uses that lookup key"):
        api.prices.update(new.id, {"lookup_key": "team"})
    api.prices.update(new.id, {"lookup_key": "team", "transfer_lookup_key": True})

    assert api.prices.retrieve(old.id).lookup_key is None
    assert [each.id for each in api.prices.list({"lookup_keys": ["team"]}).data] == [new.id]


def test_price_keeps_twelve_decimals(stripe):
    price = shop.metered(stripe, unit_amount_decimal="0.000000000001")

    assert price.unit_amount is None
    assert price.unit_amount_decimal == Decimal("0.000000000001")


def test_tiers_show_only_when_asked_for(stripe, api):
    price = shop.metered(
        stripe, tiers=[{"up_to": 10, "unit_amount": 0}, {"up_to": "inf", "unit_amount_decimal": "0.5"}]
    )

    assert "tiers" not in price.to_dict()
    tiers = api.prices.retrieve(price.id, {"expand": ["tiers"]}).tiers
    assert [(tier.up_to, tier.unit_amount, tier.unit_amount_decimal) for tier in tiers] == [
        (10, 0, Decimal(0)),
        (None, None, Decimal("0.5")),
    ]


@pytest.mark.parametrize(
    ("scheme", "words"),
    [
        ({}, "You must specify one of unit_amount"),
        ({"unit_amount": 1, "unit_amount_decimal": "1"}, "only specify one of"),
        ({"unit_amount": -1}, "Invalid non-negative integer"),
        ({"billing_scheme": "tiered", "tiers_mode": "volume"}, "Tiered prices need tiers"),
        ({"tiers": [{"up_to": 10, "unit_amount": 1}]}, "The last tier"),
        ({"tiers": [{"up_to": "inf", "unit_amount": 1}], "unit_amount": 1}, "neither a unit amount"),
    ],
)  # fmt: skip
def test_price_that_cannot_be_meant_is_refused(stripe, scheme, words):
    with pytest.raises(sdk.InvalidRequestError, match=words):
        shop.metered(stripe, **scheme)


def test_metered_price_without_a_meter_is_refused(stripe, api):
    product = api.products.create({"name": "Calls"})
    recurring = {"interval": "month", "usage_type": "metered"}

    with pytest.raises(sdk.InvalidRequestError, match="must be backed by a meter"):
        api.prices.create({"currency": "usd", "product": product.id, "unit_amount": 1, "recurring": recurring})
