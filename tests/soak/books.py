"""The ledger held against what callers saw: what was answered, what was recorded, and what it may cost."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from uuid import UUID

from sqlalchemy import Engine, func, select
from sqlmodel import Session

from app.core import clock
from app.limits import usage
from app.limits.holds import CounterKey
from app.limits.leases import RULES
from app.limits.settling import COUNTERS, LEASES
from app.metering import receipts, signing, verification
from app.metering.ledger import EVENTS, HOURS, MONTHS
from app.metering.sealing import SEALED
from tests.soak.callers import NOT_RECORDED, Answer, Load, digest_of
from tests.soak.upstream import Upstream


@dataclass
class Books:
    """Figures, each with what it has to be. answered: calls with a result, and of those, recorded ones; lost: not
    recorded; twice: recorded, or received, more than once. wrong: a receipt that is not what the ledger says, or not
    signed. failed: calls that failed at the integration, and were charged: charged_failures. withheld: answers that
    callers were told would cost nothing, charged_withheld: and did. unanswered: recorded, but broken off before the
    answer arrived whole; not more than were under way at kills. replayed: answers to a call that was made before;
    retried_twice: calls with a key of their own that were charged more than once, or not though they were answered.
    phantoms: recorded and never done by the integration.
    """

    answered: int = 0
    recorded: int = 0
    lost: int = 0
    twice: int = 0
    wrong: int = 0
    failed: int = 0
    charged_failures: int = 0
    withheld: int = 0
    charged_withheld: int = 0
    unanswered: int = 0
    replayed: int = 0
    retried_twice: int = 0
    phantoms: int = 0
    drifts: int = 0
    counters_wrong: int = 0
    reserved: int = 0
    over_cap: int = 0
    findings: int = 0

    @property
    def faults(self) -> dict[str, int]:
        """Everything that ought to be zero and is not."""
        good = {"answered", "recorded", "failed", "withheld", "unanswered", "replayed"}
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in good}

    @property
    def is_clean(self) -> bool:
        return not any(self.faults.values()) and self.answered == self.recorded

    def __str__(self) -> str:
        return ", ".join(f"{one.name.replace('_', ' ')} {getattr(self, one.name)}" for one in fields(self))


def check(engine: Engine, loads: Iterable[Load], upstream: Upstream) -> Books:
    """Once everything is quiet and sealed."""
    answers = [answer for load in loads for answer in load.answers]
    books = Books()
    with Session(engine) as session:
        keys = {key.id: signing.decoded(key.public) for key in signing.published(session)}
    with engine.connect() as connection:
        events = {row.id: row for row in connection.execute(select(EVENTS))}
        _check_answers(books, answers, events, keys)
        _check_unanswered(books, answers, events, upstream)
        _check_keyed(books, answers, events)
        books.drifts = _drifts(connection, events.values())
        books.counters_wrong = sum(counter.spent != counted for counter, counted in _counters(connection))
        books.over_cap = _over_cap(connection)
        books.reserved = reserved(connection)
        findings = [
            finding
            for organisation_id in verification.everybody(connection)
            for finding in verification.check(connection, organisation_id, keys=keys, unsealed_before=clock.now())
        ]
        books.findings = len(findings)
    return books


def _check_answers(books: Books, answers: list[Answer], events: dict, keys: dict[str, bytes]) -> None:
    net = _net(events.values())
    received = Counter(
        answer.receipt.partition(".")[0] for answer in answers if answer.receipt and not answer.is_replay
    )
    requests = Counter((row.request_id, row.error_class == "reversal") for row in events.values())
    books.twice = sum(count > 1 for count in received.values()) + sum(count > 1 for count in requests.values())
    for answer in answers:
        event = events.get(answer.receipt.partition(".")[0])
        if not answer.reason:
            books.answered += 1
            books.replayed += answer.is_replay
            books.recorded += event is not None
            books.lost += event is None
            books.wrong += event is not None and not _is_right(answer, event, net, keys)
        elif answer.reason == NOT_RECORDED:
            books.withheld += 1
            books.charged_withheld += net[answer.request_id] != 0
        elif answer.receipt:
            books.failed += 1
            books.lost += event is None
            books.charged_failures += event is not None and bool(event.units or event.amount_nanos)
        elif net[answer.request_id]:
            books.charged_failures += 1


def _is_right(answer: Answer, event, net: Counter, keys: dict[str, bytes]) -> bool:
    try:
        said = receipts.verified(answer.receipt, keys)
    except receipts.NotAReceipt:
        return False
    same = (said["units"], said["amount_nanos"], said["key"]) == (event.units, event.amount_nanos, str(event.key_id))
    is_its_own = answer.is_replay or answer.request_id == event.request_id
    return same and is_its_own and net[event.request_id] == event.units == 1


def _check_unanswered(books: Books, answers: list[Answer], events: dict, upstream: Upstream) -> None:
    known = {answer.request_id for answer in answers}
    known |= {event.request_id for answer in answers if (event := events.get(answer.receipt.partition(".")[0]))}
    net = _net(events.values())
    books.unanswered = sum(units > 0 and request_id not in known for request_id, units in net.items())
    books.phantoms = max(0, sum(units > 0 for units in net.values()) - upstream.done.total())


def _check_keyed(books: Books, answers: list[Answer], events: dict) -> None:
    charged: Counter = Counter()
    for row in events.values():
        charged[row.idempotency_digest] += row.units
    answered = {digest_of(answer.number) for answer in answers if not answer.reason}
    books.retried_twice = sum(
        units not in ((1,) if digest in answered else (0, 1)) for digest, units in charged.items() if digest
    )


def _net(events: Iterable) -> Counter:
    """Units by request, reversals included."""
    net: Counter = Counter()
    for row in events:
        net[row.request_id] += row.units
    return net


def _drifts(connection, events: Iterable) -> int:
    """Totals of hours and months that are not the sum of their events; added up here, not by what is tested."""
    hours: Counter = Counter()
    months: Counter = Counter()
    for row in events:
        place = (row.organisation_id, row.at.replace(minute=0, second=0, microsecond=0), row.key_id)
        hours[place] += row.amount_nanos * 10**6 + row.units
        months[row.organisation_id, place[1].replace(day=1, hour=0)] += row.amount_nanos * 10**6 + row.units
    for row in connection.execute(select(HOURS)):
        hours[row.organisation_id, row.hour_at, row.key_id] -= row.amount_nanos * 10**6 + row.units
    for row in connection.execute(select(MONTHS)):
        months[row.organisation_id, row.month_at] -= row.amount_nanos * 10**6 + row.units
    return sum(bool(drift) for drift in (*hours.values(), *months.values()))


def _counters(connection):
    """Each counter with what the events that were held against it come to."""
    for counter in connection.execute(
        select(COUNTERS, RULES.c.measure, RULES.c.period).join(RULES, RULES.c.id == COUNTERS.c.rule_id)
    ).all():
        key = CounterKey(counter.rule_id, counter.subject_id, counter.period_at)
        yield counter, usage.counted_of(connection, key, measure=counter.measure, period=counter.period)


def _over_cap(connection) -> int:
    over = select(func.count()).select_from(COUNTERS.join(RULES, RULES.c.id == COUNTERS.c.rule_id))
    return connection.execute(over.where(COUNTERS.c.spent > RULES.c.most)).scalar_one()


def reserved(connection) -> int:
    """What is reserved by counters or held by leases, all together."""
    return connection.execute(
        select(
            select(func.coalesce(func.sum(COUNTERS.c.reserved), 0)).scalar_subquery()
            + select(func.coalesce(func.sum(LEASES.c.held), 0)).scalar_subquery()
        )
    ).scalar_one()


def unsealed(connection) -> int:
    """Events that have no place in a chain yet."""
    count = select(func.count())
    return (
        connection.execute(count.select_from(EVENTS)).scalar_one()
        - connection.execute(count.select_from(SEALED)).scalar_one()
    )


def spent(connection, rule_id: UUID) -> tuple[int, int]:
    """(spent, most) of a rule that counts all together or for one organisation."""
    found = connection.execute(
        select(func.coalesce(func.sum(COUNTERS.c.spent), 0), func.max(RULES.c.most))
        .select_from(RULES.outerjoin(COUNTERS, RULES.c.id == COUNTERS.c.rule_id))
        .where(RULES.c.id == rule_id)
    ).one()
    return int(found[0]), int(found[1])
