"""Whatever a plan charges and however it is used, Stripe's invoice is the statement, what is shared of it adds up, and
no more is taken back than it came to. Looked for by property, in months that are lived through.
"""

import shutil
from contextlib import contextmanager

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from app.billing import credit_notes, findings, gathering, invoices, months, reconciling, sharing
from app.billing.credit_note_models import BALANCE, REFUND
from app.billing.credit_notes import Wanted
from app.billing.stripe_api import StripeApi
from app.core import clock
from app.core.config import Settings
from app.core.errors import Conflict, Invalid
from app.plans import pricing
from tests import databases
from tests.billing.lived import Lived
from tests.billing.till import Till
from tests.conftest import NOW
from tests.factories import Factory
from tests.portal import Hand
from tests.sandbox.stripe.running import KEY

cents = st.integers(1, 999).map(lambda mills: f"{mills / 1000:.3f}" if mills % 7 else f"{mills // 100 + 1}.00")
"""As the file has them, in dollars: from a tenth of a cent to ten dollars."""
edges = st.integers(1, 9)
models = st.one_of(
    st.builds('each = "{}"'.format, cents),
    st.builds('each = "{}", free = {}'.format, cents, edges),
    st.builds(
        'graduated = [{{ up_to = {}, each = "{}" }}, {{ each = "{}", flat = "{}" }}]'.format, edges, *[cents] * 3
    ),
    st.builds('volume = [{{ up_to = {}, each = "{}" }}, {{ each = "{}" }}]'.format, edges, cents, cents),
    st.builds('package = {}, price = "{}"'.format, edges, cents),
    st.builds('each = "{}", minimum = "{}"'.format, cents, cents),
)
PLAN = """
[plans.{slug}]
name = "{slug}"
words = "A plan."
kind = "{kind}"
{more}
"""
CHARGE = """
[[plans.{slug}.charges]]
key = "calls"
label = "Calls"
usd.calls = {{ {model} }}
"""


def catalogue(used, based):
    """The file: a plan by use, and one with a fee beside it."""
    fee = 'base.usd = { month = "29.00", year = "290.00" }'
    plans = PLAN.format(slug="free", kind="free", more="default = true")
    plans += PLAN.format(slug="used", kind="payg", more="") + CHARGE.format(slug="used", model=used)
    plans += PLAN.format(slug="based", kind="team", more=fee) + CHARGE.format(slug="based", model=based)
    return f'currencies = ["usd"]\n{plans}'


calls = st.lists(
    st.tuples(st.sampled_from(["used", "based"]), st.sampled_from(["other", "own", "dear"]), st.integers(3, 30)),
    min_size=3,
    max_size=6,
)
refunds = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4000), st.booleans()), min_size=1, max_size=4)


@contextmanager
def a_world(template, folder, served, text):
    """Where nothing has happened yet, with this catalogue."""
    shutil.copy(template, folder / "postern.db")
    engine, hand = databases.quick(f"sqlite:///{folder / 'postern.db'}"), Hand(NOW)
    with pytest.MonkeyPatch.context() as patch, Session(engine, expire_on_commit=False) as session:
        patch.setattr(clock, "now", lambda: hand.now)
        with served.afresh(at=int(NOW.timestamp()), is_strict=True) as stand_in:
            api, make = StripeApi(KEY, mode="test", url=stand_in.url), Factory(session, NOW)
            yield Lived(Till(session, engine, api, stand_in, hand, make, text=text), Settings(), make)
    engine.dispose()


@settings(max_examples=5, phases=[Phase.generate])
@given(used=models, based=models, calls=calls, refunds=refunds)
def test_i9_i17_i19_the_invoice_is_the_statement_and_what_is_shared_and_taken_back_of_it_adds_up(
    sqlite_template, stripe_server, tmp_path_factory, used, based, calls, refunds
):
    folder = tmp_path_factory.mktemp("lived")
    with a_world(sqlite_template, folder, stripe_server, catalogue(used, based)) as world:
        joined = {"used": world.join("used"), "based": world.join("based", interval="month")}
        at = {name: world.make.integration(name) for name in ("other", "own", "dear")}
        for name, nanos in (("own", 333_333_333), ("dear", 7 * 10**9 + 1)):
            pricing.set_price(
                world.session, integration=at[name], tool="", nanos_per_unit=nanos, currency="usd", now=NOW
            )
        world.session.commit()
        for slug, place, times in calls:
            world.call(joined[slug], at[place], times=times)
            world.till.wait(hours=5)
        world.pass_month()

        for organisation in joined.values():
            assert world.invoiced(organisation, "2026-11") == world.due(organisation, "2026-11")
            shared_and_taken_back(world, organisation, refunds)
        reconciling.run(world.engine, world.api, clock=world.clock)
        assert findings.listed(world.session, is_open=True, limit=9) == []


def shared_and_taken_back(world, organisation, refunds):
    """left: what everybody has a share of, with the fees' as one, as far as it was not given back."""
    session, month = world.session, months.named("2026-11", now=world.now)
    made = gathering.statement_of(session, organisation.id, month)
    left = [share for line in made.lines for share in sharing.of_line(line)]
    assert sum(left) == sum(total.subtotal_minor for total in made.totals)
    assert min(left, default=0) >= 0
    bills = [one for one in invoices.of(session, organisation.id, "test", limit=9) if one.total > 0]
    for number, (which, amount, is_refund) in enumerate(refunds if bills else []):
        bill = bills[which % len(bills)]
        wanted = Wanted(amount, REFUND if is_refund else BALANCE, "", "Taken back.", str(number))
        if amount > credit_notes.room(session, bill):
            with pytest.raises((Conflict, Invalid)):
                credit_notes.check(session, bill, wanted)
            continue
        credit_notes.check(session, bill, wanted)
        for _ in range(2):
            found = credit_notes.issue(world.api, bill, wanted)
            credit_notes.record(session, bill, found, person_id=None, now=world.now)
        session.commit()
    for bill in bills:
        notes = credit_notes.of_invoices(session, [bill.id])[bill.id]
        gone = sum(note.amount for note in notes)
        assert gone <= bill.total
        assert credit_notes.room(session, bill) == bill.total - gone
    made = gathering.statement_of(session, organisation.id, month)
    for total in made.totals:
        gone = sum(one.amount_minor for one in total.credits)
        back = sharing.divide(min(gone, sum(left)), left)
        assert total.due_minor == total.subtotal_minor - gone >= 0
        assert all(0 <= gives <= has for gives, has in zip(back, left, strict=True))
        assert sum(left) - sum(back) == total.due_minor
