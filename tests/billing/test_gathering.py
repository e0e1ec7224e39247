"""What a bill is made from: the ledger's live calls of one organisation and one month, by their prices."""

from datetime import timedelta
from uuid import uuid4

from app.billing import gathering, months, used
from app.metering import billable
from app.plans import metrics, pricing
from tests.billing.months_used import BEGINNING, call, price, subscribed
from tests.databases import on_both

MONTH = months.around(BEGINNING)


def test_a_month_becomes_lines(session, make):
    organisation = make.organisation()
    subscribed(session, organisation)
    key, sampler = make.key(organisation), make.integration("sampler")
    own = pricing.set_price(
        session, integration=sampler, tool="greet", nanos_per_unit=250_000_000, currency="usd", now=make.now
    )
    for hours in range(6):
        call(session, key, sampler, price(session), at=BEGINNING + timedelta(hours=hours))
    call(session, key, sampler, price(session), at=BEGINNING, units=0)
    for _ in range(2):
        call(session, key, sampler, own, at=BEGINNING, tool="greet")

    found = gathering.statement_of(session, organisation.id, MONTH)

    assert [(line.description, line.metric, line.quantity, line.nanos, line.amount_minor) for line in found.lines] == [
        ("Pay as you go: Calls", "calls", 6, 3 * 550_000_000 + 250_000_000, 2),
        ("Integrations with prices of their own", "calls", 2, 500_000_000, 1),
    ]


def test_b4_the_marginal_amounts_of_calls_in_one_moment_add_up_to_the_line(session, make):
    organisation = make.organisation()
    subscribed(session, organisation)
    key, sampler = make.key(organisation), make.integration("sampler")
    events = [call(session, key, sampler, price(session), at=BEGINNING) for _ in range(9)]

    [line] = gathering.statement_of(session, organisation.id, MONTH).lines

    assert sum(event.amount_nanos for event in events) == line.nanos


def test_only_live_calls_of_the_month_and_of_the_organisation_count(session, make):
    organisation, other = make.organisation(), make.organisation("Other")
    subscribed(session, organisation)
    subscribed(session, other)
    sampler = make.integration("sampler")
    mine, theirs = make.key(organisation), make.key(other, name="theirs")
    for at in (
        BEGINNING - timedelta(microseconds=1),
        BEGINNING,
        MONTH.ends_at - timedelta(microseconds=1),
        MONTH.ends_at,
    ):
        call(session, mine, sampler, price(session), at=at)
    call(session, theirs, sampler, price(session), at=BEGINNING)
    call(session, mine, sampler, price(session), at=BEGINNING, environment="test")

    found = gathering.quantities_of(session, organisation.id, MONTH)

    assert {version: quantities["calls"] for version, quantities in found.items()} == {price(session).id: 2}


def test_a_call_is_charged_for_no_more_than_its_most(session, make):
    organisation = make.organisation()
    subscribed(session, organisation, "team", interval="month", seats=2)
    key, sampler = make.key(organisation), make.integration("sampler")
    events = [
        call(session, key, sampler, price(session, "team"), at=BEGINNING, bytes_in=n, bytes_out=1, upstream_us=n * 999)
        for n in (50, 298, 299, 300, 5_000)
    ]
    [found] = used.sums(session, organisation.id, since=BEGINNING, until=MONTH.ends_at, by=(used.VERSION,))

    for metric in metrics.METRICS:
        most = price(session, "team").max_per_call.get(metric)
        assert found.quantities[metric] == sum(
            metrics.billable(metric, event.model_dump(), most=most) for event in events
        )
    assert found.nanos == sum(event.amount_nanos for event in events)


def test_sums_by_hour_and_by_place_are_the_sum(session, make):
    organisation = make.organisation()
    subscribed(session, organisation)
    keys, sampler = [make.key(organisation, name=name) for name in ("a", "b")], make.integration("sampler")
    for number in range(8):
        at = BEGINNING + timedelta(minutes=25 * number)
        call(session, keys[number % 2], sampler, price(session), at=at, tool=f"tool-{number % 3}")
    month = {"since": BEGINNING, "until": MONTH.ends_at}

    [whole] = used.sums(session, organisation.id, **month, by=(used.VERSION,))
    hours = used.sums(session, organisation.id, **month, by=(used.HOUR,))
    places = used.sums(session, organisation.id, **month, by=(used.INTEGRATION, used.TOOL, used.KEY))

    assert sorted((one.by["hour_at"], one.calls) for one in hours) == [
        (BEGINNING, 3),
        (BEGINNING + timedelta(hours=1), 2),
        (BEGINNING + timedelta(hours=2), 3),
    ]
    assert len(places) == 6
    for split in (hours, places):
        assert sum(one.nanos for one in split) == whole.nanos
        assert sum(one.quantities["bytes"] for one in split) == whole.quantities["bytes"]


def test_a_stay_that_ended_before_the_month_costs_nothing(session, make):
    organisation = make.organisation()
    subscribed(session, organisation, "team", interval="month", seats=3, at=BEGINNING)
    subscribed(session, organisation, "payg", at=MONTH.ends_at)

    this = gathering.statement_of(session, organisation.id, MONTH)
    following = gathering.statement_of(session, organisation.id, months.around(MONTH.ends_at))

    assert [(line.kind, line.amount_minor) for line in this.lines] == [("base", 9_900), ("seats", 900)]
    assert following.lines == ()


@on_both
def test_bills_are_made_however_many_versions_of_plans_bound_a_call(session, make, monkeypatch):
    organisation = make.organisation()
    most = {uuid4(): {"bytes": 100 + number % 7} for number in range(300)}
    monkeypatch.setattr(billable, "most_of", lambda _: most)
    hour = {"since": BEGINNING, "until": BEGINNING + timedelta(hours=1)}

    assert used.sums(session, organisation.id, **hour, by=(used.VERSION,)) == []
