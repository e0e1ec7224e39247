"""What of a month's use is on invoices, and what of that credit notes took back since it was too much. A month that was
billed too high and credited costs what its statement says: the note pays for what is over, not for what was used.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlmodel import Session, col, select

from app.billing import invoices, months
from app.billing.bill import Credit, Line
from app.billing.catalogue import PRICE
from app.billing.models import Invoice, StripeObject
from app.billing.months import Month
from app.core import moments

_METER = re.compile(r"postern_(?P<version>[0-9a-f]{12})_(?P<what>[a-z_]+)")

Use = Mapping[str, Mapping[str, int]]
"""Currency to the key of a statement's line to minor units."""


def names(session: Session, found: Iterable[Invoice]) -> dict[str, str]:
    """Our names for the prices of invoices' lines."""
    ids = {str(line["price"]) for invoice in found for line in invoice.lines}
    statement = select(StripeObject.id, StripeObject.key).where(
        StripeObject.kind == PRICE, col(StripeObject.id).in_(ids)
    )
    return dict(session.exec(statement).all())


def key_of(name: str) -> str:
    """Of the statement's line that a meter's price bills; "" for a fee's."""
    metered = _METER.fullmatch(name)
    if metered is not None:
        return f"{metered['version']}-{metered['what']}"
    return name.removeprefix("postern_").replace("_", "-") if name.startswith("postern_own_") else ""


def use_in(session: Session, organisation_id: UUID, month: Month) -> Use:
    """What invoices bill of the month's use."""
    statement = select(Invoice).where(
        Invoice.organisation_id == organisation_id,
        Invoice.state != invoices.VOID,
        col(Invoice.created_at) >= month.begins_at,
    )
    found = list(session.exec(statement))
    known = names(session, found)
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for invoice in found:
        for line in invoice.lines:
            key = key_of(known.get(str(line["price"]), ""))
            if key and months.around(moments.of(int(line["period_start"]))) == month:
                sums[invoice.currency][key] += int(line["amount"])
    return sums


def taken_back(credit: Iterable[Credit], lines: Iterable[Line], use: Use) -> dict[str, int]:
    """By currency, what of the credit notes goes to use that was billed too high: at most what is over."""
    due = {line.key: line.amount_minor for line in lines}
    notes: dict[str, int] = defaultdict(int)
    for one in credit:
        notes[one.currency] += one.amount_minor
    return {
        currency: min(notes[currency], sum(max(0, amount - due.get(key, 0)) for key, amount in of_it.items()))
        for currency, of_it in use.items()
    }


def rest(credit: Iterable[Credit], taken: Mapping[str, int]) -> tuple[Credit, ...]:
    """The credit without what was taken of it, in its order."""
    left, found = dict(taken), []
    for one in credit:
        part = min(one.amount_minor, left.get(one.currency, 0))
        left[one.currency] = left.get(one.currency, 0) - part
        found.append(Credit(one.description, one.currency, one.amount_minor - part, one.kind))
    return tuple(one for one in found if one.amount_minor)
