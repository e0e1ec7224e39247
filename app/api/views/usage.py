"""What was used: the numbers of the usage page, from the same queries."""

from datetime import UTC, date, datetime, time, timedelta

from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.usage_schemas import UsageAsked, UsageFigures, UsageGroup, UsageTold
from app.core.errors import Invalid
from app.metering import figures, naming, queries, usage
from app.metering.figures import Figures
from app.metering.spans import CUSTOM, Span
from app.metering.usage import Question

BY_DAY = "day"
USUAL_DAYS = 30
MOST_DAYS = 92
GROUPS = 200


@endpoint("GET", "/usage", "usage:read", "What was used in a period", query=UsageAsked, answer=UsageTold)
def get_usage(query: UsageAsked) -> UsageTold:
    first, last = _days(query)
    span = Span(CUSTOM, _midnight(first), _midnight(last) + timedelta(days=1), current.now)
    question = Question(current.organisation, span)
    return UsageTold(
        since=first,
        until=last,
        data_until=current.now,
        currency=queries.currency_of(current.session, current.organisation, at=current.now),
        total=_figures(usage.total(current.session, question)),
        groups=_by_day(first, last) if query.group_by == BY_DAY else _groups(span, query.group_by),
    )


def _by_day(first: date, last: date) -> list[UsageGroup]:
    """Each day by itself is a stretch of its own, so that it has all its figures."""
    found = []
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        span = Span(CUSTOM, _midnight(day), _midnight(day) + timedelta(days=1), current.now)
        total = usage.total(current.session, Question(current.organisation, span))
        found.append(UsageGroup(value=str(day), label=str(day), figures=_figures(total)))
    return found


def _groups(span: Span, by: str | None) -> list[UsageGroup]:
    if by is None:
        return []
    question = Question(current.organisation, span, by=by)
    found = usage.by_group(current.session, question, limit=GROUPS)
    names = naming.names_of(current.session, current.organisation, by, [group for group, _ in found])
    return [
        UsageGroup(value=names[group].value, label=names[group].label, figures=_figures(sums)) for group, sums in found
    ]


def _figures(found: Figures) -> UsageFigures:
    return UsageFigures(
        calls=found.calls,
        errors=found.errors,
        units=found["units"],
        p50_us=found.percentile_us(figures.P50),
        p95_us=found.percentile_us(figures.P95),
        p99_us=found.percentile_us(figures.P99),
        bytes_in=found["bytes_in"],
        bytes_out=found["bytes_out"],
        tokens_in=found["tokens_in"],
        tokens_out=found["tokens_out"],
        amount_nanos=found.amount_nanos,
    )


def _days(query: UsageAsked) -> tuple[date, date]:
    """Raises Invalid for what is no period, or too long a one."""
    today = current.now.date()
    last = query.until or today
    if not date(1970, 6, 1) <= last <= today or (query.since is not None and query.since > last):
        raise Invalid("The period must not end after today (UTC), nor before it begins.")
    first = query.since or last - timedelta(days=USUAL_DAYS - 1)
    if (last - first).days >= MOST_DAYS:
        raise Invalid(f"Ask for {MOST_DAYS} days at most.")
    return first, last


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
