"""I7, I8 and I13 of what is bought: whatever is paid, refunded, disputed and used, heard in any order, it adds up."""

import hypothesis
import pytest
from hypothesis import strategies as st
from sqlmodel import Session, select

from app.billing import payments, wallet_books
from app.billing.payment_models import CreditPayment
from app.plans.amounts import NANOS
from tests.billing.counter import Counter
from tests.billing.purse import counter, holds

some = st.integers(0, 2)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), st.integers(500, 900), st.booleans()),
        st.tuples(st.just("use"), st.integers(1, 700)),
        st.tuples(st.just("refund"), some, st.integers(1, 600)),
        st.tuples(st.just("decide"), some, st.booleans()),
        st.tuples(st.just("hear"), st.permutations(range(6))),
        st.tuples(st.just("late"), some),
    ),
    max_size=9,
)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_i7_i8_money_and_credit_agree_whatever_happens_in_whichever_order(session, engine, api, stand_in, hand, make):
    till = Counter(session, engine, api, stand_in, hand, make)

    @hypothesis.settings(max_examples=6, deadline=None, database=None)
    @hypothesis.given(steps=steps)
    def run(steps):
        till.organisation = make.organisation()
        till.choose("prepaid")
        play(till, steps)
        hear(till, range(6))
        agree(till)

    run()


def play(till, steps):
    """Nothing is heard of what happens at Stripe but by the steps “hear” and “late”."""
    old = []
    for what, *values in steps:
        till.hand.moves(seconds=1)
        mine = payments_of(till)
        if what == "buy":
            till.buy(values[0], card="disputed" if values[1] else "accepted")
        elif what == "use":
            till.use(values[0])
        elif what == "hear":
            hear(till, values[0])
        elif mine:
            change(till, what, mine[values[0] % len(mine)], values[1:], old)
        holds(till.session, till.organisation)


def change(till, what, name, values, old):
    client = till.stand_in.client.v1
    charge = till.stand_in.desk.store.all("charge", ref=name)[0]
    if what == "refund" and not charge["disputed"]:
        left = charge["amount_captured"] - charge["amount_refunded"]
        if left:
            client.refunds.create({"payment_intent": name, "amount": min(left, values[0])})
    elif what == "decide":
        for dispute in client.disputes.list({"payment_intent": name}).data:
            if dispute.status == "needs_response":
                evidence = "winning_evidence" if values[0] else "losing_evidence"
                client.disputes.update(dispute.id, {"evidence": {"uncategorized_text": evidence}})
    elif what == "late":
        for found in old:  # what was asked long ago comes in the end
            payments.apply(till.session, found, till.hand.now)
            till.session.commit()
        old.append(payments.fetch(till.api, name))


def hear(till, order):
    mine = payments_of(till)
    for place in order:
        if place < len(mine):
            found = payments.fetch(till.api, mine[place])
            payments.apply(till.session, found, till.hand.now)
            till.session.commit()


def payments_of(till):
    customer = till.account().customer_id if till.account() else None
    found = till.stand_in.desk.store.all("payment_intent", customer=customer) if customer else []
    return [one["id"] for one in found if one["status"] == "succeeded"]


def agree(till):
    """Each payment is credited as much as is left of its money, as far as calls had not used it."""
    holds(till.session, till.organisation)
    with Session(till.engine) as session:
        found = wallet_books.compare(session, till.organisation.id, "usd")
    assert [one for one in found if "what calls have cost" not in one.subject] == []
    rows = till.session.exec(select(CreditPayment).where(CreditPayment.organisation_id == till.organisation.id)).all()
    for row in rows:
        charge = till.stand_in.desk.store.all("charge", ref=row.payment_id)[0]
        lost = [one for one in till.stand_in.desk.store.all("dispute", ref=charge["id"]) if one["status"] != "won"]
        gone = charge["amount_refunded"] + sum(one["amount"] for one in lost)
        assert row.asked_back_nanos == min(gone, row.amount) * NANOS
    kept = sum(row.amount * NANOS - row.taken_back_nanos for row in rows)
    if rows:
        found = counter(till.session, till.organisation)
        assert found.most == kept
        assert found.spent <= kept
