"""No page about money shows anything of another organisation, whatever address somebody types."""

from datetime import timedelta

import pytest

from app.billing.models import BillingAccount, Invoice
from tests.billing import purse
from tests.billing.months_used import BEGINNING, call, price, subscribed

AT = BEGINNING + timedelta(days=20, hours=9)
THEIRS = {"customer": "cus_theirs", "invoice": "in_theirs", "number": "THEIRS-0001", "key": "their-key"}

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def theirs(owner, session, make, now):
    """What there is of the owner's organisation: names of parameters, and what they can be filled with."""
    organisation = owner.organisation
    subscribed(session, organisation)
    key, sampler = make.key(organisation, name=THEIRS["key"]), make.integration("sampler")
    event = call(session, key, sampler, price(session), at=AT, tool="their_tool")
    moments = {"created_at": AT, "updated_at": AT}
    account = {"organisation_id": organisation.id, "mode": "test", "currency": "usd"}
    session.add(BillingAccount(customer_id=THEIRS["customer"], **account, **moments))
    money = {"subtotal": 77_777, "tax": 0, "total": 77_777, "due": 0, "paid": 77_777}
    session.add(
        Invoice(
            id=THEIRS["invoice"],
            number=THEIRS["number"],
            state="paid",
            reason="",
            period_start=BEGINNING,
            period_end=AT,
            lines=[],
            page_url="https://stripe.example/theirs",
            **account,
            **money,
            **moments,
        )
    )
    purse.give(session, organisation, 88_888 * 10**9, now, reference="their-grant", words="For them")
    return {
        "month": "2026-11",
        "line": f"{price(session).id.hex[:12]}-calls",
        "hour": f"{AT:%Y-%m-%dT%H}",
        "receipt": event.id,
        "slug": "team",
        "invoice_id": THEIRS["invoice"],
        "organisation_id": str(organisation.id),
    }


def pages(app, values):
    """The address of everything about money that can be looked at; what it does not know is filled with any word."""
    adapter = app.url_map.bind("127.0.0.1:8300")
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/billing") and "GET" in rule.methods:
            wanted = {name: values.get(name, "theirs") for name in rule.arguments}
            yield adapter.build(rule.endpoint, wanted, method="GET")


def test_b29_i20_nobody_sees_anything_of_another_organisation_on_any_page_about_money(app, owner, outsider, theirs):
    marks = [*THEIRS.values(), theirs["receipt"], "their_tool", "777.77", "888.88", owner.organisation.name]
    found = list(pages(app, theirs))
    assert len(found) >= 12

    shown = {path: [mark for mark in marks if mark in owner.open("GET", path).html] for path in found}
    assert {mark for seen in shown.values() for mark in seen} >= {theirs["receipt"], "their_tool", "777.77"}
    for path in found:
        answer = outsider.open("GET", path)
        assert answer.status < 500, path
        said = f"{answer.html} {answer.location}"
        assert [mark for mark in marks if mark in said.replace(path, "")] == [], path
