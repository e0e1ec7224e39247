"""Comparing what the ledger says with what was cut, what was sent and what Stripe has. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from app.billing.reconcile_models import EXTRA, LATE, MISSING, VALUE


@dataclass(frozen=True, slots=True)
class Difference:
    """Two figures that should be the same, and what to do about it. never_sent: how much of it can be sent without a
    doubt, because it never was.
    """

    kind: str
    subject: str
    ours: int
    theirs: int
    proposal: str
    never_sent: int = 0


@dataclass(frozen=True, slots=True)
class Books:
    """Our own figures for one meter and month, all at one moment.

    ledger: recomputed from the sealed events; cut: what was cut of it; both in the metric's units. step: how many of
    those are one of the meter's. shipped: what the ranges should come to. told: what they do come to, whatever became
    of them. refused: those that Stripe did not count. overdue: those that wait for too long. late: what usage that came
    too late for its meter comes to, in minor units, as all of these then are; None for a meter's.
    """

    event_name: str
    month_at: datetime
    ledger: int
    cut: int
    step: int
    shipped: int
    told: int
    refused: int = 0
    overdue: int = 0
    late: int | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """What was told of some stretch of time, and what Stripe counted in it. settled: what must be there by now.
    perhaps: ranges, in their order, that may be there already or not yet.
    """

    subject: str
    settled: int
    perhaps: Sequence[int]
    counted: int


@dataclass(frozen=True, slots=True)
class Billed:
    """A meter's lines on a closed month's invoices. lines: how many; each is rounded by itself. quantity, amount: their
    sums. counted: what the meter should have had. rated: what we make of that, in minor units. is_closed: whether they
    bill the month to its end. credited: what credit notes on them took back of what is over, in minor units.
    """

    event_name: str
    month_at: datetime
    lines: int
    quantity: int
    amount: int
    counted: int
    rated: int
    is_closed: bool = False
    credited: int = 0

    @property
    def is_credited(self) -> bool:
        """Whether more was billed than is due, and credit notes took all of that back."""
        return self.quantity > self.counted and 0 < self.amount - self.rated <= self.credited


def of_books(books: Books) -> list[Difference]:
    """Whether the ledger, the cuts and the ranges agree, and whether anything is stuck."""
    place = place_of(books.event_name, books.month_at)
    due = books.ledger // books.step if books.late is None else books.late
    found: list[Difference] = []
    if due > books.told and books.cut <= books.ledger:
        proposal = "It was never sent: cut it and send it."
        found.append(Difference(MISSING, f"{place}, ranges", due, books.told, proposal, due - books.told))
    elif due != books.told:
        proposal = "More was told than the ledger holds: credit the difference on the next invoice."
        found.append(Difference(VALUE, f"{place}, ranges", due, books.told, proposal))
    elif (books.cut, books.shipped) != (books.ledger, books.told):
        ours, theirs = (books.ledger, books.cut) if books.cut != books.ledger else (books.told, books.shipped)
        proposal = "Nothing wrong was told: set the figure of what was cut to the ledger's."
        found.append(Difference(VALUE, f"{place}, cut", ours, theirs, proposal))
    if books.refused:
        proposal = "Mend the reason that stands at the range, then send it again; or bill it, if its invoice is closed."
        subject = refused_subject(books.event_name, books.month_at)
        found.append(Difference(MISSING, subject, books.refused, 0, proposal))
    if books.overdue:
        proposal = "See why it waits; after the invoice is closed, bill it as an item on the next."
        found.append(Difference(LATE, f"{place}, waiting", books.overdue, 0, proposal))
    return found


def of_window(window: Window) -> Difference | None:
    """Whether Stripe has counted what it was told, to the unit."""
    allowed = set(accumulate(window.perhaps, initial=window.settled))
    if window.counted in allowed:
        return None
    if window.counted < window.settled:
        proposal = "Stripe took it and has not counted it: ask Stripe; if it is lost, send or bill the difference."
        return Difference(MISSING, window.subject, window.settled, window.counted, proposal)
    proposal = "Stripe has counted more than we sent: cancel it within a day of sending, or credit the difference."
    return Difference(EXTRA, window.subject, max(allowed), window.counted, proposal)


def of_billed(billed: Billed) -> list[Difference]:
    """Whether invoices have what the meter had, at our price."""
    place = invoice_subject(billed.event_name, billed.month_at)
    if billed.is_credited:
        return []
    if billed.quantity != billed.counted:
        kind = MISSING if billed.quantity < billed.counted else EXTRA
        proposal = (
            "Bill the difference as an item on the next invoice." if kind == MISSING else "Credit it by a credit note."
        )
        return [Difference(kind, place, billed.counted, billed.quantity, proposal)]
    if abs(billed.amount - billed.rated) > max(0, billed.lines - 1):
        proposal = "Stripe made another amount of the same quantity: compare the price there with the plan's."
        return [Difference(VALUE, f"{place}, amount", billed.rated, billed.amount, proposal)]
    return []


def credited(billed: Iterable[Billed], sums: Mapping[tuple[str, datetime], int]) -> set[tuple[str, datetime]]:
    """Meters' months of which Stripe has counted what its invoices say and no more, and what is over was credited.
    sums: what it has counted.
    """
    places = {(one.event_name, one.month_at): one.quantity for one in billed if one.is_credited}
    return {place for place, quantity in places.items() if sums.get(place) == quantity}


def place_of(event_name: str, month_at: datetime) -> str:
    """How findings call a meter's month."""
    return f"{event_name}, {month_at:%Y-%m}"


def invoice_subject(event_name: str, month_at: datetime) -> str:
    """How they call what its invoices say of it."""
    return f"{place_of(event_name, month_at)}, invoice"


def refused_subject(event_name: str, month_at: datetime) -> str:
    """How they call what Stripe refused of it."""
    return f"{place_of(event_name, month_at)}, refused"
