"""The page of credit: what is left, buying more by a press or by itself, and a history that adds up."""

import csv
import io
from datetime import timedelta
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from app.billing import history, months
from app.core.config import ROOT
from app.plans.amounts import NANOS
from tests.billing.counter import Counter
from tests.billing.purse import expire, give, use
from tests.plans.catalogues import apply
from tests.sandbox.stripe import running

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PAGE = "/billing/wallet/"


@pytest.fixture
def settings(settings, stripe_server):
    """Nobody is signed out, however long the tests let pass."""
    stays = {"session_idle_minutes": 10**5, "session_absolute_hours": 10**4}
    return settings.model_copy(update={"stripe_key": SecretStr(running.KEY), "stripe_url": stripe_server.url, **stays})


@pytest.fixture
def shop(owner, session, engine, api, stand_in, hand, make):
    """The owner's organisation, on the prepaid plan."""
    shop = Counter(session, engine, api, stand_in, hand, make)
    shop.organisation = owner.organisation
    shop.choose("prepaid")
    return shop


def fields_of(answer, action):
    return next(dict(form.fields) for form in answer.page.forms if form.method == "post" and form.action == action)


def top_up(owner, status=303, **fields):
    visit = fields_of(owner.get(PAGE), "/billing/wallet/top-up")["visit"]
    return owner.post("/billing/wallet/top-up", status=status, visit=visit, **fields)


def pay(shop, owner, card="accepted", debit=None, **fields):
    """Press the button, pay at Checkout, come back; gives the page that one lands on."""
    session_id = top_up(owner, **fields).location.rsplit("/", 1)[1]
    assert shop.pay(SimpleNamespace(session_id=session_id), card, debit) == ""
    assert owner.get(f"/billing/return?session_id={session_id}", status=303).location == PAGE
    return owner.get(PAGE)


def agree(owner, status=303, **fields):
    said = {"below": "5", "amount": "10.00", "month_most": "100"} | fields
    shown = fields_of(owner.get(PAGE), "/billing/wallet/automatic")
    return owner.post("/billing/wallet/automatic", status=status, **shown | said)


def test_choosing_prepaid_needs_no_card_and_leads_to_topping_up(shop, owner):
    shop.choose("payg")
    assert "/billing/plan/prepaid" in owner.get("/billing/plan").page.links
    shown = owner.get("/billing/plan/prepaid")
    assert "no card is asked for" in shown.text

    answer = owner.post("/billing/plan/prepaid", **fields_of(shown, "/billing/plan/prepaid"))

    assert answer.location == PAGE
    assert "There is no credit left" in owner.get(PAGE).text


def test_leaving_prepaid_speaks_of_credit_and_of_no_invoice(shop, owner):
    text = owner.get("/billing/cancel").text

    assert "calls use your credit" in text
    assert "What is left by then stays" in text
    assert "paid for it" not in text
    assert "one last invoice" not in text


def test_an_offer_is_bought_and_can_be_used_at_once(shop, owner):
    page = pay(shop, owner, amount="2500")

    assert "$25.00 of credit were added." in page.text
    assert "Topped up" in page.text
    assert shop.use(2_500) == 1
    assert "There is no credit left" in owner.get(PAGE).text
    assert "$0.00. Top up" in " ".join(owner.get("/billing/").text.split())


def test_many_entries_are_paged_and_the_file_has_all(shop, owner, session, now):
    for number in range(52):
        give(session, shop.organisation, NANOS, now, reference=f"r{number}")

    page, rest = owner.get(PAGE), owner.get(f"{PAGE}?page=2&made_of=2")

    assert (page.html.count("+$0.01"), rest.html.count("+$0.01")) == (50, 2)
    assert page.page.links[f"{PAGE}?made_of=2&currency=usd#made-of"] == "Older"
    assert owner.get(f"{PAGE}history.csv").text.count("Bought") == 52


def test_an_amount_of_ones_own_is_bought(shop, owner):
    assert "$12.34 of credit were added." in pay(shop, owner, amount="other", other="12.34").text


@pytest.mark.parametrize("other", ["", "abc", "4.99", "2000.01", "-10", "10.001", "1e9"])
def test_an_amount_that_is_not_sold_comes_back_with_words(shop, owner, other):
    answer = top_up(owner, status=422, amount="other", other=other)

    assert 'aria-invalid="true"' in answer.html
    assert f'value="{other}"' in answer.html


@pytest.mark.parametrize("amount", ["1", "99999999999", "x"])
def test_an_offer_that_was_never_made_is_refused(shop, owner, amount):
    top_up(owner, status=422, amount=amount)


def test_an_offer_and_an_amount_of_ones_own_are_not_guessed_between(shop, owner):
    assert "or leave it empty" in top_up(owner, status=422, amount="1000", other="40").text


def test_b9_pressing_twice_is_one_checkout(shop, owner):
    visit = fields_of(owner.get(PAGE), "/billing/wallet/top-up")["visit"]

    first, second = (owner.post("/billing/wallet/top-up", visit=visit, amount="1000") for _ in range(2))

    assert first.location == second.location


def test_b8_a_second_window_makes_the_first_worthless_or_knows_that_it_was_paid(shop, owner):
    first, second = (top_up(owner, amount="1000").location.rsplit("/", 1)[1] for _ in range(2))
    assert shop.stand_in.desk.need("checkout.session", first)["status"] == "expired"
    assert shop.pay(SimpleNamespace(session_id=second)) == ""

    assert top_up(owner, amount="1000").location == PAGE

    assert "nothing was bought twice" in owner.get(PAGE).text
    assert shop.balance() == 1_000


def test_leaving_checkout_and_money_on_its_way_are_said_plainly(shop, owner):
    session_id = top_up(owner, amount="1000").location.rsplit("/", 1)[1]
    cancelled = shop.stand_in.desk.need("checkout.session", session_id)["cancel_url"]
    assert cancelled.endswith(f"{PAGE}?unpaid=1")
    assert "Nothing was charged" in owner.get(f"{PAGE}?unpaid=1").text

    assert "on its way" in pay(shop, owner, debit="arrives", amount="1000").text
    assert shop.balance() == 0


def test_automatic_top_up_needs_a_card_that_was_kept_and_says_what_is_agreed_to(shop, owner):
    assert "a card has to be kept" in owner.get(PAGE).text
    owner.post("/billing/wallet/automatic", status=409, below="5", amount="10", month_most="100")

    page = pay(shop, owner, amount="1000", keep="1")
    assert "you let Postern charge Visa ending in 4242" in page.text
    agree(owner)

    assert shop.auto().is_on
    assert (shop.auto().below, shop.auto().amount, shop.auto().month_most) == (500, 1_000, 10_000)
    shop.use(900)
    shop.charge_due()
    assert "Topped up automatically" in owner.get(PAGE).text
    owner.post("/billing/wallet/automatic/off")
    assert not shop.auto().is_on


def test_terms_that_make_no_sense_come_back_with_words(shop, owner):
    pay(shop, owner, amount="1000", keep="1")

    assert "Buy at least $20.00, or more would be bought again at once." in agree(owner, status=422, below="20").text
    assert "Allow at least $10.00, which is one payment." in agree(owner, status=422, month_most="9").text
    assert "Write it in figures, such as 25.00." in agree(owner, status=422, amount="lots").text
    assert owner.get("/billing/wallet/automatic", status=303).location == "/billing/wallet/"
    assert shop.auto() is None


def test_a_declined_card_is_said_with_the_one_thing_that_mends_it(shop, owner):
    pay(shop, owner, amount="1000", keep="1")
    agree(owner)
    shop.keep_card("later")
    shop.use(900)
    shop.charge_due()

    page = owner.get(PAGE)

    assert "Automatic top-up has stopped" in page.text
    assert "Your card was declined." in page.text
    assert "Automatic top-up has stopped" in owner.get("/keys/").text
    portal = owner.post("/billing/portal", **fields_of(page, "/billing/portal"))
    assert portal.location.startswith(f"{shop.stand_in.url}/p/session/")


def test_on_another_plan_credit_is_shown_and_not_sold(shop, owner):
    pay(shop, owner, amount="1000")
    shop.choose("payg")

    page = owner.get(PAGE)

    assert "calls do not use it" in page.text
    owner.post("/billing/wallet/top-up", status=409, visit=str(shop.organisation.id), amount="1000")


def test_members_look_and_strangers_see_their_own(shop, owner, member, outsider):
    pay(shop, owner, amount="1000")

    assert "Only owners" in member.get(PAGE).text
    for path in ("top-up", "automatic", "automatic/off"):
        member.post(f"/billing/wallet/{path}", status=403)
    assert "$10.00" not in outsider.get(PAGE).text.partition("History")[2]


def test_history_and_its_csv_add_up_to_what_is_left(shop, owner, now):
    give(shop.session, shop.organisation, 300 * NANOS, shop.hand.now, "gift", kind="gift", words="Welcome",
         expires_at=now + timedelta(days=2))  # fmt: skip
    pay(shop, owner, amount="1000")
    shop.wait(seconds=1)
    shop.use(100, 50)
    shop.wait(days=1)
    shop.use(20)
    shop.wait(days=1, seconds=1)
    expire(shop.session, shop.organisation, shop.hand.now)
    shop.refund(200)

    rows = list(csv.DictReader(io.StringIO(owner.get(f"{PAGE}history.csv").text)))

    said = [(row["what"], int(row["nanos"]) // NANOS, int(row["balance_nanos"]) // NANOS) for row in rows]
    assert said == [
        ("Paid back", -200, 800),
        ("Expired", -130, 1_000),
        ("Used by calls", -20, 1_130),
        ("Used by calls", -150, 1_150),
        ("Topped up", 1_000, 1_300),
        ("Gift", 300, 300),
    ]
    assert shop.balance() == 800
    page = owner.get(PAGE)
    assert "Welcome" in page.text
    assert "-$2.00" in page.text


def test_no_balance_is_said_that_never_was(shop, owner):
    pay(shop, owner, amount="1000")
    shop.wait(seconds=60)
    shop.use(990)
    shop.wait(seconds=60)
    pay(shop, owner, amount="1000")
    shop.wait(seconds=60)
    shop.use(40)

    rows = list(csv.DictReader(io.StringIO(owner.get(f"{PAGE}history.csv").text)))

    said = [(row["what"], int(row["nanos"]) // NANOS, int(row["balance_nanos"]) // NANOS) for row in rows]
    assert said == [
        ("Used by calls", -40, 970),
        ("Topped up", 1_000, 1_010),
        ("Used by calls", -990, 10),
        ("Topped up", 1_000, 1_000),
    ]


def test_what_no_grant_knows_of_yet_is_in_the_history_already(shop, owner, engine):
    pay(shop, owner, amount="1000")
    use(engine, shop.organisation, 3 * NANOS)

    rows = history.of_month(shop.session, shop.organisation.id, "usd", months.around(shop.hand.now), now=shop.hand.now)
    assert (rows[0].kind, rows[0].nanos, rows[0].balance) == ("unbooked", -3 * NANOS, 997 * NANOS)
    assert "being booked" in owner.get(PAGE).text
    assert "$9.97 $10.00 Never" in owner.get(PAGE).text, "what it is made of knows of them, too"


def test_a_month_begins_with_what_was_left_of_the_last(shop, owner):
    pay(shop, owner, amount="1000")
    shop.wait_until_december()
    shop.use(100)

    page = owner.get(PAGE)
    assert "$9.00" in page.text
    assert f"{PAGE}?month=2026-11&currency=usd" in page.page.links
    assert "Topped up" in owner.get(f"{PAGE}?month=2026-11").text
    owner.get(f"{PAGE}?month=2027-01", status=404)


def test_the_shipped_catalogue_sells_prepaid(browse, session, now):
    apply(session, (ROOT / "plans.toml").read_text(), now=now)

    assert 'aria-label="Choose Prepaid"' in browse.get("/pricing").html
