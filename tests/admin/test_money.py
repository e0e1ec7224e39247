"""The operator's page of money: what differs from Stripe, what waits and was refused, and sending that again."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.billing import findings
from app.billing.comparing import Difference
from app.billing.reconcile_models import Finding, ReconcileRun
from app.billing.usage_models import REFUSED, WAITING, StripeOutbox
from app.core.audit import AuditEntry
from tests.databases import on_both

pytestmark = on_both


@pytest.fixture
def operator(sign_in, make):
    person = make.person("Opal Operator", is_operator=True)
    return sign_in(person, make.organisation("Staff", owner=person))


@pytest.fixture
def found(session, owner, now):
    """One finding about Acme."""
    difference = Difference(
        "extra", "postern_0123456789ab_calls, 2026-11-22 13:00", 1499, 1500, "Credit the difference."
    )
    month_at = now.replace(day=1, hour=0, minute=0, second=0)
    findings.record(session, "test", owner.organisation.id, [(month_at, difference)], now=now - timedelta(hours=12))
    return session.exec(select(Finding)).one()


@pytest.fixture
def refused(session, owner, now):
    row = StripeOutbox(
        mode="test",
        organisation_id=owner.organisation.id,
        customer_id="cus_1",
        event_name="postern_0123456789ab_calls",
        month_at=now.replace(day=1, hour=0, minute=0, second=0),
        identifier="t-1",
        first_seq=1,
        last_seq=40,
        value=40,
        at=now,
        state=REFUSED,
        tries=1,
        error="Stripe took it and could not count it: meter_event_customer_not_found.",
        due_at=now,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def test_a_finding_is_shown_with_both_sides_and_what_to_do(operator, found):
    page = operator.get("/operator/money/")

    for words in ("Acme", "Extra", "499", "500", "Credit the difference.", "2026-11-22 13:00"):
        assert words in page.text


def test_what_somebody_has_seen_to_has_ended_and_is_audited(operator, found, session):
    operator.post(f"/operator/money/findings/{found.id}/settle")

    assert "Credit the difference." not in operator.get("/operator/money/").text
    assert "Credit the difference." in operator.get("/operator/money/?show=ended").text
    assert "finding.settled" in set(session.exec(select(AuditEntry.action)))
    operator.post(f"/operator/money/findings/{found.id}/settle", status=409)


def test_what_stripe_refused_is_shown_with_the_reason_and_sent_again(operator, refused, session):
    assert "customer_not_found" in operator.get("/operator/money/?show=refused").text

    operator.post(f"/operator/money/ranges/{refused.id}/again")

    session.expire_all()
    assert session.get_one(StripeOutbox, refused.id).state == WAITING
    assert "40" in operator.get("/operator/money/?show=waiting").text
    operator.post(f"/operator/money/ranges/{refused.id}/again", status=409)


def test_runs_are_listed_and_lists_are_paged(operator, session, now, monkeypatch):
    monkeypatch.setattr("app.admin.views.money.PAGE", 2)
    for hours in range(3):
        session.add(ReconcileRun(mode="test", began_at=now - timedelta(hours=hours), places=7))
    session.flush()

    assert "page=2" in operator.get("/operator/money/?show=runs").html
    assert operator.get("/operator/money/?show=runs&page=2").status == 200
    operator.get("/operator/money/?show=nonsense", status=422)


def test_for_everyone_else_the_page_does_not_exist(owner, found, refused):
    owner.get("/operator/money/", status=404)
    owner.post(f"/operator/money/ranges/{refused.id}/again", status=404)
    owner.post(f"/operator/money/findings/{found.id}/settle", status=404)
