"""A currency without decimals, from a plan's file to the invoice: whole yen everywhere, rounded once for each line."""

import json
from datetime import timedelta
from io import StringIO

from app.billing import delivery, export, gathering, invoices, months, recompute, usage
from app.core import vault
from app.metering.sealing import Sealer
from app.plans import queries as plans
from tests.billing.months_used import call
from tests.databases import on_one
from tests.plans import catalogues

YEN = 'currencies = ["jpy"]\n' + catalogues.FREE + catalogues.by_use('jpy.calls = { each = "0.3" }')


@on_one
def test_yen_are_whole_from_the_file_to_the_invoice(till, settings, make):
    catalogues.apply(till.session, YEN, now=till.hand.now)
    till.session.commit()
    till.subscribe("payg", currency="jpy")
    [price] = plans.prices_of(till.session, [till.current().plan_version_id], currency="jpy")
    key, sampler = make.key(till.organisation), make.integration()
    november = months.around(till.hand.now)
    for _ in range(5):
        call(till.session, key, sampler, price, at=till.hand.now)
    Sealer().run(till.session, vault.from_settings(settings), now=till.hand.now)
    till.session.commit()
    usage.cut_all(till.engine, "test", now=till.hand.now)
    while delivery.run(till.engine, till.api, clock=lambda: till.hand.now):
        pass
    till.wait(seconds=(november.ends_at - till.hand.now + timedelta(hours=2)).total_seconds())
    till.hear()
    till.work()

    made = gathering.statement_of(till.session, till.organisation.id, november)
    out = StringIO()
    export.write(till.session, till.organisation, november, out, now=till.hand.now)
    newest = invoices.of(till.session, till.organisation.id, "test", limit=1)[0]

    assert [(line.quantity, line.nanos, line.amount_minor) for line in made.lines] == [(5, 1_500_000_000, 2)]
    assert (made.totals[0].currency, made.totals[0].due_minor) == ("jpy", 2)
    assert (newest.currency, newest.total, newest.state) == ("jpy", 2, "paid")
    assert recompute.problems(json.loads(out.getvalue())) == []
