"""Usage that only totals know of, for tests of caps and warnings."""

from datetime import UTC, datetime

from sqlmodel import select

from app.billing import alerts, caps
from app.billing.alert_models import Alert
from app.core import clock, ids, mail_letters
from app.core.config import Settings
from app.core.mail import Mail
from app.metering import facets
from app.metering.ledger import INSERTS
from app.metering.models import Attempt, UsageMonth

CENTS = 10**9
AT = datetime(2026, 11, 22, 14, 3, 22, tzinfo=UTC)


def spend(session, key, integration, cents, *, at, units=1, tool="greet"):
    """Calls that cost so much, as the ledger's totals have them."""
    place = {"organisation_id": key.organisation_id, "key_id": key.id, "integration_id": integration.id, "tool": tool}
    total = {**place, "status": "ok", "error_class": "", "calls": units, "units": units, "amount_nanos": cents * CENTS}
    inserts = INSERTS[session.get_bind().dialect.name]
    session.execute(inserts.hours, {**total, "hour_at": clock.hour_of(at)})
    session.execute(inserts.days, {**total, "day_at": clock.day_of(at)})
    for facet in facets.FACETS:
        told = {part: total[part] if part in facet.parts else facets.blank(part) for part in facets.PARTS}
        session.execute(inserts.facets, {**total, **told, "kind": facet.kind, "day_at": clock.day_of(at)})
    month_at = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    month = session.get(UsageMonth, (key.organisation_id, month_at))
    if month is None:
        month = UsageMonth(organisation_id=key.organisation_id, month_at=month_at, units=0, amount_nanos=0)
    month.units += units
    month.amount_nanos += cents * CENTS
    session.add(month)
    session.flush()


def refuse(session, key, rule, *, at):
    """The gateway refused a call of this key at that limit."""
    session.add(
        Attempt(
            id=ids.request_id(),
            at=at,
            organisation_id=key.organisation_id,
            key_id=key.id,
            address_digest="",
            reason="cap_reached",
            http_status=200,
            path="/mcp",
            rule_id=rule.id,
        )
    )
    session.flush()


class Scene:
    """An organisation with one key, an owner and a cap of 10.00 a month."""

    def __init__(self, session, make):
        self.session, self.make = session, make
        self.person = make.person("Olive Owner", email="olive@example.com")
        self.organisation = make.organisation("Acme", owner=self.person)
        self.key, self.sampler = make.key(self.organisation, name="ci"), make.integration("sampler")

    def cap(self, cents=1000, *, period="month", action="stop", at=AT, **whose):
        return caps.set_cap(
            self.session,
            organisation=self.organisation,
            period=period,
            most=cents * CENTS,
            action=action,
            currency="usd",
            person_id=self.person.id,
            now=at,
            **whose,
        )

    def spend(self, cents, *, at=AT, **more):
        spend(self.session, self.key, self.sampler, cents, at=at, **more)

    def look(self, *, at=AT):
        return alerts.look(self.session, self.organisation, currency="usd", mode="test", now=at)

    @property
    def written(self):
        return sorted(one.threshold for one in self.session.exec(select(Alert)))

    @property
    def mails(self):
        rows = self.session.exec(select(Mail).order_by(Mail.queued_at)).all()
        return [mail_letters.write(row.template, row.context, Settings()).subject for row in rows]
