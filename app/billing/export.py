"""A month's bill as one file that anybody can do again: prices with their digests, every call, and the lines.

The lines are made from the very calls that are written, in one pass, so that a file agrees with itself while calls come
in. docs/statement.md has every field.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import IO, Any
from uuid import UUID

from sqlmodel import Session, col, select

from app.billing import gathering, recompute, used
from app.billing.bill import Line, Period, Statement
from app.billing.gathering import Gathered
from app.billing.months import Month
from app.core import moments
from app.metering import billable
from app.metering.models import UsageEvent
from app.organisations.models import Organisation
from app.plans import metrics, pricing, versions
from app.plans.models import PriceVersion

FORMAT, VERSION = "postern-statement", 2
PAGE = 2_000


def write(session: Session, organisation: Organisation, month: Month, out: IO[str], *, now: datetime) -> None:
    """Write the month's statement.json to `out`, a page of calls at a time."""
    before = gathering.gather(session, organisation.id, month, used_versions=())
    counted = _Counted(billable.most_of(session), before.prepaid)
    head = {
        "format": FORMAT,
        "version": VERSION,
        "organisation": {"id": str(organisation.id), "name": organisation.name},
        "month": month.name,
        "begins_at": moments.exact(month.begins_at),
        "ends_at": moments.exact(month.ends_at),
        "counted_until": moments.exact(min(now, month.ends_at)),
        "is_over": month.is_over(now),
        "prepaid": [[moments.exact(moment) for moment in period] for period in before.prepaid],
    }
    out.write(_dumped(head)[:-1] + ',\n"events":[\n')
    for number, event in enumerate(_events(session, organisation.id, month)):
        out.write((",\n" if number else "") + counted.take(event))
    gathered = gathering.gather(session, organisation.id, month, used_versions=list(counted.quantities))
    gathered = replace(gathered, taken=counted.taken)
    rest = {**counted.said(), **_made(gathered.bill(counted.quantities), gathered)}
    rest["sha256"] = recompute.digest({**head, **rest})
    out.write("\n],\n" + _dumped(rest)[1:] + "\n")


class _Counted:
    """Adds up what is written."""

    def __init__(self, most: billable.Most, prepaid: Sequence[Period]) -> None:
        self._most, self._prepaid = most, prepaid
        self._digest = hashlib.sha256()
        self._calls = 0
        self._hours: dict[tuple[str, UUID], dict[str, Any]] = {}
        self.quantities: dict[UUID, dict[str, int]] = {}
        self.taken: dict[UUID, dict[str, int]] = {}

    def take(self, event: UsageEvent) -> str:
        """The call as it stands in the file."""
        version_id = event.price_version_id
        assert version_id is not None  # only calls with a price are asked for
        row = event.model_dump()
        at = moments.exact(event.at)
        text = _dumped(
            {
                "id": event.id,
                "at": at,
                "tool": event.tool,
                "price_version": str(version_id),
                "quantities": {metric: metrics.actual(metric, row) for metric in metrics.METRICS},
                "amount_nanos": event.amount_nanos,
            }
        )
        self._digest.update(text.encode() + b"\n")
        self._calls += 1
        zeros = dict.fromkeys(metrics.METRICS, 0)
        hour = self._hours.setdefault((at[:13], version_id), {"calls": 0, "quantities": dict(zeros), "amount_nanos": 0})
        hour["calls"] += 1
        hour["amount_nanos"] += event.amount_nanos
        sums = [hour["quantities"], self.quantities.setdefault(version_id, dict(zeros))]
        if any(begins_at <= event.at < ends_at for begins_at, ends_at in self._prepaid):
            sums.append(self.taken.setdefault(version_id, dict(zeros)))
        for metric in metrics.METRICS:
            quantity = metrics.billable(metric, row, most=self._most.get(version_id, {}).get(metric))
            for sum_ in sums:
                sum_[metric] += quantity
        return text

    def said(self) -> dict[str, Any]:
        return {
            "events_count": self._calls,
            "events_sha256": self._digest.hexdigest(),
            "hours": [
                {"hour": hour, "price_version": str(version_id), **sums}
                for (hour, version_id), sums in sorted(
                    self._hours.items(), key=lambda item: (item[0][0], str(item[0][1]))
                )
            ],
        }


def _events(session: Session, organisation_id: UUID, month: Month) -> Iterator[UsageEvent]:
    """By receipt, oldest first."""
    conditions = used.charged(organisation_id, since=month.begins_at, until=month.ends_at)
    after = ""
    while True:
        statement = select(UsageEvent).where(*conditions, UsageEvent.id > after).order_by(col(UsageEvent.id))
        page = session.exec(statement.limit(PAGE)).all()
        for event in page:
            session.expunge(event)
            after = event.id
            yield event
        if len(page) < PAGE:
            return


def _made(made: Statement, gathered: Gathered) -> dict[str, Any]:
    offers = sorted(gathered.offers.values(), key=lambda offer: str(offer.version.id))
    return {
        "plan_versions": [
            {"said": versions.said_of(offer.plan.slug, offer.version), "digest": offer.version.digest}
            for offer in offers
        ],
        "price_versions": [
            _price(version) for _, version in sorted(gathered.versions.items(), key=lambda one: str(one[0]))
        ],
        "lines": [_line(line) for line in made.lines],
        "totals": [
            {
                "currency": total.currency,
                "subtotal_minor": total.subtotal_minor,
                "credits": [
                    {"kind": one.kind, "description": one.description, "amount_minor": one.amount_minor}
                    for one in total.credits
                ],
                "due_minor": total.due_minor,
            }
            for total in made.totals
        ],
    }


def _price(version: PriceVersion) -> dict[str, Any]:
    return {"said": pricing.said_of(version), "digest": version.digest}


def _line(line: Line) -> dict[str, Any]:
    names = ("key", "kind", "description", "currency", "metric", "quantity", "nanos", "amount_minor", "is_prepaid")
    fee = line.fee
    return {
        **{name: getattr(line, name) for name in names},
        "begins_at": moments.exact(line.begins_at),
        "ends_at": moments.exact(line.ends_at),
        "parts": [
            {
                "price_version": str(part.version_id),
                "label": part.label,
                "metric": part.metric,
                "quantity": part.quantity,
                "nanos": part.nanos,
            }
            for part in line.parts
        ],
        "fee": fee
        and {
            "plan_version": str(fee.plan_version_id),
            "interval": fee.interval,
            "fee_minor": fee.fee_minor,
            "whole": [moments.exact(moment) for moment in fee.whole],
            "is_back": fee.is_back,
        },
    }


def _dumped(said: dict[str, Any]) -> str:
    return json.dumps(said, sort_keys=True, separators=(",", ":"))
