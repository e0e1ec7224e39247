"""An organisation that is being deleted buys nothing, and is not charged once it is gone."""

from sqlmodel import select

from app.billing import parting
from app.billing.reconcile_models import Finding
from app.organisations import closing
from app.team import deleting
from tests.billing.counter import Counter
from tests.billing.visitor import agree, fields_of
from tests.databases import on_one

pytestmark = on_one


def close(shop):
    closing.begin(shop.session, organisation=shop.organisation, words="Over.", person_id=None, now=shop.hand.now)
    shop.session.commit()


def carry_out(shop):
    gone = deleting.carry_out(shop.session, now=shop.hand.now)
    shop.session.commit()
    return gone


def part(shop):
    done = parting.run(shop.engine, shop.api, clock=lambda: shop.hand.now)
    shop.session.expire_all()
    return done


def open_findings(shop):
    return list(shop.session.exec(select(Finding).where(Finding.ended_at == None)))  # noqa: E711  (SQL's)


def test_no_plan_is_chosen_kept_or_paid_for_while_it_is_being_deleted(owner, shop):
    shown = owner.get("/billing/plan/team?currency=usd")
    fields = fields_of(shown, "/billing/plan/team")
    close(shop)

    page = owner.get("/billing/plan/team?currency=usd")
    assert "nothing can be bought for it" in page.text
    assert "Keep Acme" in page.text
    owner.post("/billing/plan/team", **fields, status=409)
    assert "nothing can be bought" in owner.post("/billing/resume", visit=fields["visit"], status=409).text
    assert shop.plan() == "free"

    owner.post("/organisation/restore")
    assert "/c/pay/" in agree(owner, "/billing/plan/team?currency=usd").location


def test_no_credit_is_bought_while_it_is_being_deleted_not_even_by_itself(
    owner, session, engine, api, stand_in, hand, make
):
    shop = Counter(session, engine, api, stand_in, hand, make)
    shop.organisation = owner.organisation
    shop.choose("prepaid")
    shop.buy(1_000, keeps_card=True)
    shop.agree()
    fields = fields_of(owner.get("/billing/wallet/"), "/billing/wallet/top-up")
    shop.use(900)
    close(shop)

    assert shop.charge_due() == 0
    assert "no credit can be bought" in owner.get("/billing/wallet/").text
    owner.post("/billing/wallet/top-up", **{**fields, "amount": "1000"}, status=409)
    owner.post("/billing/wallet/automatic", below="5", amount="10", month_most="30", status=409)
    assert shop.balance() == 100

    owner.post("/organisation/restore")
    assert shop.charge_due() == 1
    assert shop.balance() == 1_100


def test_what_is_still_paid_for_is_cancelled_at_stripe_before_anything_goes(till, monkeypatch):
    held = till.subscribe("team", currency="usd", interval="month", seats=3)
    close(till)
    assert part(till) == 0, "there are days to undo it"
    till.wait(days=15)
    assert carry_out(till) == 0

    till.stand_in.faults(error_before=1.0, paths=["/v1/subscriptions"])
    assert part(till) == 0
    [finding] = open_findings(till)
    assert f"Cancel {held.stripe_id} at Stripe" in finding.proposal
    assert carry_out(till) == 0
    till.stand_in.faults()
    till.wait(hours=1)

    with monkeypatch.context() as patched:
        patched.setattr(parting.subscriptions, "apply", lambda *_: None)
        assert part(till) == 0
    assert "is over at Stripe and goes on here" in open_findings(till)[0].proposal

    assert part(till) == 1

    assert till.api.get(till.api.v1.subscriptions.retrieve, held.stripe_id)["status"] == "canceled"
    assert open_findings(till) == []
    assert (part(till), carry_out(till)) == (0, 1)
