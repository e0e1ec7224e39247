"""Catalogues of plans for tests, applied in one line."""

from app.plans import applying, queries, reading
from app.plans.applying import When
from app.plans.choosing import Choice

FREE = """
[plans.free]
name = "Free"
words = "For trying."
kind = "free"
default = true
"""
SMALL = """\
currencies = ["usd", "eur"]

[plans.free]
name = "Free"
words = "No card."
kind = "free"
default = true
allowances = { calls_per_month = 1000 }
rates = { calls_per_minute = 60, streams = 5 }

[plans.payg]
name = "Pay as you go"
words = "By use."
kind = "payg"
rates = { calls_per_minute = 600 }

[[plans.payg.charges]]
key = "calls"
label = "Calls"
usd.calls = { free = 3, graduated = [{ up_to = 2, each = "0.02" }, { each = "0.01" }] }
eur.calls = { free = 3, graduated = [{ up_to = 2, each = "0.02" }, { each = "0.01" }] }

[plans.team]
name = "Team"
words = "For products."
kind = "team"
seats = { included = 2, most = 4 }
base.usd = { month = "99.00", year = "990.00" }
base.eur = { month = "95.00", year = "950.00" }
seat.usd = { month = "9.00", year = "90.00" }
seat.eur = { month = "9.00", year = "90.00" }

[[plans.team.charges]]
key = "calls"
label = "Calls"
usd.calls = { each = "0.005" }
eur.calls = { each = "0.005" }
"""


def by_use(prices):
    """A plan that charges for calls as the line `prices` says."""
    return f"""
[plans.payg]
name = "Pay as you go"
words = "By use."
kind = "payg"

[[plans.payg.charges]]
key = "calls"
label = "Calls"
{prices}
"""


def apply(session, text=SMALL, *, now, effective_at=None, source=None, overwrites=False, **when):
    said = When(effective_at or now, **when)
    return applying.apply(session, reading.from_text(text), when=said, source=source, overwrites=overwrites, now=now)


def choice(session, slug, *, now, currency="usd", interval="", seats=None):
    offer = queries.offer(session, slug, at=now)
    if seats is None:
        seats = offer.document.seats_included
    if offer.document.intervals and not interval:
        interval = "month"
    return Choice(offer, currency if offer.document.currencies else "", interval, seats)
