"""Every way in which something can be priced: from the file, as the gateway charges it, by Stripe's meters and items,
to an invoice that is the statement, to the cent. All are lived through together, once.
"""

import shutil
from datetime import timedelta

import pytest
from sqlmodel import Session

from app.billing import findings, reconciling
from app.billing.stripe_api import StripeApi
from app.core import clock, db
from app.core.config import Settings
from app.metering import repricing
from app.plans import pricing
from tests.billing.lived import Lived
from tests.billing.till import Till
from tests.conftest import NOW
from tests.factories import Factory
from tests.portal import Hand
from tests.sandbox.stripe.running import KEY

MODELS = {
    "per-unit": 'each = "{0}"',
    "per-unit-free": 'each = "{0}", free = 7',
    "graduated": 'graduated = [{{ up_to = 10, each = "{0}" }}, {{ each = "{1}", flat = "{2}" }}], free = 3',
    "volume": 'volume = [{{ up_to = 10, each = "{0}" }}, {{ each = "{1}" }}]',
    "package": 'package = 8, price = "{2}"',
    "minimum": 'each = "{0}", minimum = "{3}"',
    "package-minimum": 'package = 8, price = "{2}", minimum = "{3}"',
}  # fmt: skip
AMOUNTS = {"usd": ("0.0055", "0.0025", "1.00", "5.00"), "jpy": ("0.55", "0.25", "100", "500")}
METRICS = {
    "tokens": ("max_per_call = { tokens_in = 9, tokens_out = 9 }", ("tokens_in", "tokens_out"), "0.55"),
    "bytes": ("max_per_call = { bytes = 100000 }", ("bytes",), "0.0001"),
    "seconds": ("max_per_call = { milliseconds = 9000 }", ("milliseconds",), "0.01"),
}
USED = {"tokens_in": 7, "tokens_out": 11, "bytes_in": 40_000, "bytes_out": 30_000, "upstream_us": 3_400_000}


def plan(slug, charges, *, kind="payg", more=""):
    return f'\n[plans.{slug}]\nname = "{slug}"\nwords = "A plan."\nkind = "{kind}"\n{more}\n{charges}'


def charge(slug, key, *lines):
    said = "\n".join(lines)
    return f'\n[[plans.{slug}.charges]]\nkey = "{key}"\nlabel = "{key}"\n{said}\n'


def everything():
    """The file: a plan for each model, for each metric, for closer prices, and for fees of both intervals."""
    text = 'currencies = ["usd", "jpy"]\n' + plan("free", "", kind="free", more="default = true")
    for name, model in MODELS.items():
        said = [f"{currency}.calls = {{ {model.format(*found)} }}" for currency, found in AMOUNTS.items()]
        text += plan(name, charge(name, "calls", *said))
    for name, (most, metrics, price) in METRICS.items():
        said = [f'{currency}.{metric} = {{ each = "{price}", per = 10 }}' for currency in AMOUNTS for metric in metrics]
        text += plan(name, charge(name, "use", most, *said))
    near = [charge("near", "one", 'integration = "search"', 'tool = "find"', *_each("0.5")),
            charge("near", "search", 'integration = "search"', *_each("0.25")),
            charge("near", "all", *_each("0.05"))]  # fmt: skip
    text += plan("near", "".join(near))
    fees = 'base.usd = { month = "99.00", year = "990.00" }\nbase.jpy = { month = "9900", year = "99000" }'
    return text + plan("fees", charge("fees", "calls", *_each("0.5")), kind="team", more=fees)


def _each(price):
    return [f'{currency}.calls = {{ each = "{price}" }}' for currency in AMOUNTS]


CASES = [
    *[
        (name, currency, "")
        for number, name in enumerate((*MODELS, *METRICS))
        for currency in (list(AMOUNTS)[number % 2],)
    ],
    ("near", "usd", ""),
    ("minimum", "usd", ""),
    ("fees", "usd", "month"),
    ("fees", "jpy", "year"),
]


@pytest.fixture(scope="module")
def lived(sqlite_template, stripe_server, tmp_path_factory):
    """From 22 November to 1 January, with calls in both months: case to its organisation, and the world it was in."""
    path = tmp_path_factory.mktemp("lived") / "postern.db"
    shutil.copy(sqlite_template, path)
    engine, hand = db.create(f"sqlite:///{path}"), Hand(NOW)
    with pytest.MonkeyPatch.context() as patch, Session(engine, expire_on_commit=False) as session:
        patch.setattr(clock, "now", lambda: hand.now)
        with stripe_server.afresh(at=int(NOW.timestamp())) as stand_in:
            make = Factory(session, NOW)
            search, other = make.integration("search", tools=("find", "greet")), make.integration("other")
            own = make.integration("own")
            pricing.set_price(session, integration=own, tool="", nanos_per_unit=33 * 10**7, currency="usd", now=NOW)
            api = StripeApi(KEY, mode="test", url=stand_in.url)
            world = Lived(Till(session, engine, api, stand_in, hand, make, text=everything()), Settings(), make)
            joined = {case: world.join(case[0], currency=case[1], interval=case[2]) for case in CASES}
            for calls in (30, 12):
                for (slug, currency, _), organisation in joined.items():
                    world.call(organisation, other, times=calls, **USED)
                    if slug == "near":
                        world.call(organisation, search, times=5, tool="find")
                        world.call(organisation, search, times=7)
                        if currency == "usd":
                            world.call(organisation, own, times=4)
                world.pass_month()
            yield world, joined
            assert stand_in.checked.problems == []
    engine.dispose()


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_what_stripe_bills_is_what_the_statement_says(lived, case):
    world, joined = lived

    due = world.due(joined[case], "2026-11", "2026-12")

    assert due["2026-11"] > 0
    assert world.invoiced(joined[case], "2026-11", "2026-12") == due


def test_every_event_costs_what_its_price_says_and_stripe_has_all_of_them(lived):
    world, joined = lived
    with world.engine.connect() as connection:
        for organisation in joined.values():
            assert list(repricing.wrong(connection, organisation.id)) == []

    reconciling.run(world.engine, world.api, clock=world.clock)

    with Session(world.engine) as session:
        assert findings.listed(session, is_open=True, limit=50) == []


@pytest.mark.parametrize(
    ("case", "november"),
    [
        (("per-unit", "usd", ""), 17),  # 30 at 0.55 cents
        (("per-unit-free", "jpy", ""), 13),  # 23
        (("graduated", "usd", ""), 110),  # 3 free, 10 at 0.55, then a dollar and 17 at 0.25
        (("volume", "jpy", ""), 8),  # 30 at 0.25 yen
        (("package", "usd", ""), 400),  # four begun
        (("minimum", "usd", ""), 500),  # 16.5 by use, and what is missing
        (("minimum", "jpy", ""), 500),
        (("tokens", "jpy", ""), 27),  # 210 in and, at most 9 a call, 270 out: two lines of 11.55 and 14.85
        (("bytes", "usd", ""), 2100),  # 2,100,000 at a thousandth of a cent
        (("seconds", "jpy", ""), 102),  # 102,000 milliseconds at a thousandth of a yen
        (("near", "usd", ""), 150 + 250 + 175 + 1),  # 30 at 5 cents, 5 at 50, 7 at 25, and 4 at a third of one
    ],
)
def test_november_comes_to_what_one_works_out_by_hand(lived, case, november):
    world, joined = lived

    assert world.due(joined[case], "2026-11")["2026-11"] == november


def test_a_minimum_that_late_calls_make_up_for_comes_back(lived):
    """Runs last: it changes what the others look at."""
    world, joined = lived
    organisation = joined["minimum", "usd", ""]
    before, late = world.due(organisation, "2026-12"), world.make.integration("late")
    world.session.commit()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lived, "now", property(lambda self: self.till.hand.now - timedelta(days=2)))
        world.call(organisation, late, times=200)
    world.till.wait(days=1)
    world.work()

    items = [one for one in world.till.stand_in.desk.store.all("invoiceitem") if one["amount"] < 0]
    assert before["2026-12"] == 500
    assert [(one["amount"], one["description"]) for one in items] == [
        (-110, "minimum: calls: up to the least of a month, December 2026")
    ]
