"""The figures at the top of the usage page, each beside what it was before."""

from app.metering.figures import Figures
from app.metering.report import Report
from app.metering.spans import Span
from app.plans import amounts
from app.web import writing

Stat = tuple[str, str, str, str]
"""Label, value, how it changed, and what else is to be said."""


def stats(made: Report, span: Span, *, currency: str) -> list[Stat]:
    """In the order of the page."""
    total, now, before = made.total, made.now, made.before
    since = "than in the time before"
    if span.is_open:
        since = f"than before, up to {span.whole().until:%H}:00"
    calls = changed(now.calls, before.calls)
    slower = changed(now.p50_us, before.p50_us, "slower", "faster")
    spending = changed(now.amount_nanos, before.amount_nanos)
    tenths = (2_000 * total.errors + total.calls) // (2 * total.calls) if total.calls else 0
    share = f"{tenths // 10}.{tenths % 10} % of calls" if total.calls else ""
    return [
        ("Calls", writing.number(total.calls), calls, since if calls else ""),
        ("Errors", writing.number(total.errors), share, ""),
        ("Duration, p50", took(total.p50_us), slower, since if slower else ""),
        ("Duration, p95", took(total.p95_us), "", f"p99 {took(total.p99_us)}"),
        ("Sent and received", writing.bytes_(total.bytes), _tokens(total), ""),
        ("Spend", amounts.shown(total.amount_nanos, currency=currency), spending, since if spending else ""),
    ]


def took(duration_us: int | None) -> str:
    """“12 ms”; “–” when nothing is known."""
    return writing.ms(duration_us) if duration_us is not None else "–"


def changed(now: int | None, before: int | None, more: str = "more", less: str = "less") -> str:
    """“12 % more”, “as many”; "" where there is nothing to compare with."""
    if before is None or before <= 0 or now is None:
        return ""
    percent = (200 * abs(now - before) + before) // (2 * before)
    if not percent:
        return f"No {more} and no {less}"
    return f"{writing.number(percent)} % {more if now > before else less}"


def _tokens(total: Figures) -> str:
    return f"{writing.number(total.tokens)} tokens" if total.tokens else ""
