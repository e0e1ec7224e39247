"""One number wherever it stands: what random calls come to, counted one by one from the ledger, is what Home, the usage
page, pages of keys, bills, files, the API and the invoice's statement say. That Stripe's invoices are the statement is
said in test_invoice_properties.py.
"""

import csv
import io
import json
import random
from bisect import bisect_left
from datetime import timedelta

import pytest
from sqlmodel import select

from app.billing import gathering, months, recompute
from app.core import ids
from app.keyring import listing
from app.metering import buckets, selection
from app.metering.entry import Entry
from app.metering.ledger import EVENTS, reversal_of
from app.metering.ledger_connection import LedgerConnection
from app.plans import amounts
from app.web import writing
from tests.billing.months_used import BEGINNING, price, subscribed
from tests.databases import on_both
from tests.metering.recording import row

ENDS = [("ok", "", 1)] * 5 + [("tool_error", "unknown_tool", 1), ("timeout", "timeout", 0), ("cancelled", "", 0)]
"""How calls end, and what they count towards a bill."""


class Used:
    """A month in which an organisation called, and what its ledger holds."""

    def __init__(self, engine, session, make, organisation, seed):
        self.engine, self.make, self.chance, self.organisation = engine, make, random.Random(seed), organisation
        subscribed(session, organisation)
        self.keys = [make.key(organisation, name="ci"), make.key(organisation, name="desk")]
        self.trial = make.key(organisation, name="trial", environment="test")
        self.places = [make.integration(), make.integration()]
        self.version_id = price(session).id
        for _ in range(self.chance.randrange(5)):
            make.attempt(organisation=organisation, key=self.keys[0], reason="cap_reached")
        session.commit()
        self.write()

    def write(self):
        """In groups as gateways write them; the last of what was early, and of what is taken back."""
        calls = [self.call() for _ in range(90)]
        late = [self.call(most_hours=48) for _ in range(6)]
        taken_back = [reversal_of(one, now=self.make.now) for one in self.chance.sample(calls, 5) if one["units"] > 0]
        ledger = LedgerConnection(self.engine)
        for group in (calls[:30], calls[30:], late, taken_back):
            ledger.write([Entry(one) for one in group])
        ledger.discard()
        with self.engine.connect() as connection:
            mine = EVENTS.c.organisation_id == self.organisation.id
            self.events = connection.execute(select(EVENTS).where(mine)).mappings().all()
        assert len(self.events) == 96 + len(taken_back)

    def call(self, *, most_hours=None):
        """A call of this month; in its first so many hours if that is said."""
        chance, now = self.chance, self.make.now
        hours = (now - BEGINNING) / timedelta(hours=1) if most_hours is None else most_hours
        at = BEGINNING + timedelta(hours=hours * chance.random())
        at = chance.choice([at, at, now - timedelta(hours=20 * chance.random())]) if most_hours is None else at
        key = chance.choice([*self.keys, *self.keys, self.trial])
        status, error, units = chance.choice(ENDS)
        return row(
            id=ids.lowest_receipt(at)[:14] + ids.receipt_id()[14:],
            at=at,
            organisation_id=self.organisation.id,
            key_id=key.id,
            integration_id=chance.choice(self.places).id,
            tool=chance.choice(["greet", "search"]),
            status=status,
            error_class=error,
            units=units,
            duration_us=chance.randrange(1, 9_000_000),
            bytes_out=chance.randrange(2_000),
            tokens_in=chance.randrange(50),
            environment=key.environment,
            price_version_id=self.version_id if key.environment == "live" else None,
            amount_nanos=0,
        )

    def sum_of(self, name, **where):
        """Of the events for which this holds."""
        return sum(one[name] for one in self.events if all(one[field] == value for field, value in where.items()))

    def figures(self, events=None):
        """As files and the API give them, from the events alone."""
        found = self.events if events is None else events
        counts = [0] * buckets.COUNT
        for one in found:
            if one["duration_us"] > 0:
                counts[bisect_left(buckets.BOUNDS_US, one["duration_us"])] += 1
        sums = ("bytes_in", "bytes_out", "tokens_in", "tokens_out", "amount_nanos")
        return {
            "calls": len(found),
            "errors": sum(one["status"] != "ok" for one in found),
            **{f"p{percent}_us": buckets.percentile_us(counts, percent) for percent in (50, 95, 99)},
            **{name: sum(one[name] for one in found) for name in sums},
        }


@pytest.fixture(params=[1, 2])
def used(engine, owner, session, make, request):
    return Used(engine, session, make, owner.organisation, request.param)


def rows(owner, path):
    return list(csv.DictReader(io.StringIO(owner.open("GET", path).html)))


def alike(said, expected):
    return {name: said[name] for name in expected} == expected


@on_both
def test_usage_page_files_and_api_say_what_the_events_come_to(owner, used, program):
    expected = used.figures()
    spent = expected["amount_nanos"]
    api = program(owner.organisation)

    for by in selection.WORDS:
        asked = f"period=month&by={by}&show=spend"
        said = json.loads(owner.open("GET", f"/usage/usage.json?{asked}").html)
        groups = rows(owner, f"/usage/groups.csv?{asked}")
        told = api.ask("GET", f"/usage?period=month&group_by={by}").json

        assert alike(said["total"], expected), by
        assert alike(told["total"], expected), by
        for name in ("calls", "errors", "amount_nanos"):
            assert sum(one[name] for one in said["groups"]) == expected[name], (by, name)
            assert sum(int(one[name]) for one in groups) == expected[name], (by, name)
            assert sum(one["figures"][name] for one in told["groups"]) == expected[name], (by, name)
        chart = list(csv.reader(io.StringIO(owner.open("GET", f"/usage/chart.csv?{asked}").html)))
        assert sum(int(value) for line in chart[1:] for value in line[1:-1]) == spent
        of_chart = api.ask("GET", f"/usage/chart?period=month&group_by={by}&show=spend").json
        assert sum(sum(one["values"]) for one in of_chart["series"]) == spent
    page = owner.get("/usage/?period=month&by=tool&show=spend").text
    assert amounts.shown(spent, currency="usd") in page
    assert writing.ms(expected["p95_us"]).replace(writing.SPACE, " ") in page.replace(writing.SPACE, " ")


@on_both
def test_home_and_pages_of_keys_say_what_the_events_come_to(owner, used, session, now):
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    today = used.figures([one for one in used.events if one["at"] >= midnight])
    home = " ".join(owner.get("/home/").text.split())

    assert f"Calls today {today['calls']} " in home
    assert f"Failed today {today['errors']} " in home
    for words, name in (("Half of them within", "p50_us"), ("95 in 100 within", "p95_us")):
        assert f"{words} {' '.join(writing.ms(today[name]).split())} " in home
    found = {one.key.id: one for one in listing.rows(session, owner.organisation, used.keys, now=now)}
    for key in used.keys:
        assert found[key.id].spent_nanos == used.sum_of("amount_nanos", key_id=key.id)
        assert found[key.id].calls == sum(
            one["key_id"] == key.id and one["at"] >= midnight - timedelta(days=13) for one in used.events
        )
        page = " ".join(owner.get(f"/keys/{key.id}/").text.split())
        mine = [one for one in used.events if one["key_id"] == key.id and one["at"] >= midnight]
        assert f"Calls today {len(mine)} {sum(one['status'] != 'ok' for one in mine)} failed" in page
    assert sum(one.spent_nanos for one in found.values()) == used.sum_of("amount_nanos")


@on_both
def test_the_bill_on_every_page_is_what_the_events_come_to(owner, used, session, program):
    month = months.named("2026-11", now=used.make.now)
    spent, live = used.sum_of("amount_nanos"), used.sum_of("units", environment="live")
    made = gathering.statement_of(session, owner.organisation.id, month)
    [total], lines = made.totals, rows(owner, "/billing/months/2026-11/statement.csv")
    shown = amounts.shown_minor(total.subtotal_minor, currency="usd")

    assert sum(line.nanos for line in made.lines) == spent
    assert sum(line.quantity for line in made.lines) == live
    assert abs(total.subtotal_minor * 10**9 - spent) <= 10**9 / 2
    assert [(int(line["nanos"]), int(line["quantity"])) for line in lines] == [(spent, live)]
    assert f"Spend in November 2026 {shown}" in " ".join(owner.get("/home/").text.split())
    for path in ("/billing/", "/billing/months/2026-11"):
        text = owner.get(path).text
        assert shown in text, path
        assert amounts.shown(used.sum_of("amount_nanos", key_id=used.keys[0].id), currency="usd") in text, path
    said = json.loads(owner.get("/billing/months/2026-11/statement.json").html)
    assert recompute.problems(said) == []
    assert sum(one["amount_nanos"] for one in said["events"]) == spent
    hours = rows(owner, f"/billing/months/2026-11/{made.lines[0].key}/hours.csv")
    assert sum(int(one["nanos"]) for one in hours) == spent
    told = program(owner.organisation).ask("GET", "/billing/months/2026-11").json
    assert [one["subtotal_minor"] for one in told["totals"]] == [total.subtotal_minor]
