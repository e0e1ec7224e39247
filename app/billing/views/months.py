"""Statements by month: a month's lines, behind a line its hours, behind an hour its calls."""

import io
import tempfile
from collections.abc import Iterator
from datetime import datetime
from typing import IO, cast

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from app.billing import belonging, drilling, export, findings, gathering, months, sharing, spending
from app.billing.bill import Line
from app.billing.months import Month
from app.billing.views import console
from app.integrations import queries as integrations
from app.keys import queries as keys
from app.organisations.guards import current, member
from app.plans import amounts, metrics
from app.web import files, htmx

bp = Blueprint("months", __name__, url_prefix="/billing/months")

MONTHS = 24
HOURS = 48
CHUNK = 65_536
IN_MEMORY = 2_000_000
"""Bytes of an export; what is longer is written to a temporary file."""
CALLS = 50
LINE_COLUMNS = (
    "line", "kind", "description", "metric", "quantity", "nanos", "amount_minor", "currency", "from_utc", "until_utc",
    "price_versions", *[f"quantity_{metric}" for metric in metrics.METRICS],
)  # fmt: skip


@bp.get("/")
@member("billing:read")
def index() -> ResponseReturnValue:
    before = request.args.get("before")
    since = months.named(before, now=current.now) if before else None
    found = months.latest(current.organisation.created_at, now=current.now, limit=MONTHS + 1, until=since)
    return htmx.render(
        "billing/months.html",
        months=found[:MONTHS],
        older=found[MONTHS - 1].name if len(found) > MONTHS else None,
        now=current.now,
    )


@bp.get("/<month>")
@member("billing:read")
def show(month: str) -> ResponseReturnValue:
    chosen = months.named(month, now=current.now)
    found = spending.spending_of(
        current.session, current.organisation, chosen, usual=current.settings.currency, now=current.now
    )
    return htmx.render(
        "billing/month.html",
        month=chosen,
        is_over=chosen.is_over(current.now),
        spending=found,
        billed=belonging.of_month(
            current.session, current.organisation.id, current.settings.stripe_mode, chosen, found.statement
        )
        if console.account(current.session) is not None
        else [],
        words=Words(),
        now=current.now,
        account=console.account(current.session),
        agreed=findings.agreed(current.session, current.organisation.id, current.settings.stripe_mode),
    )


@bp.get("/<month>/statement.csv")
@member("billing:read")
def lines_csv(month: str) -> ResponseReturnValue:
    """The lines of the page; amounts in whole minor units, and in 1e-9 of them before rounding."""
    chosen = months.named(month, now=current.now)
    made = gathering.statement_of(current.session, current.organisation.id, chosen)
    rows = [
        [
            line.key, line.kind, line.description, line.metric or " ".join(line.quantities),
            None if len(line.quantities) > 1 else line.quantity, line.nanos, line.amount_minor,
            line.currency, _iso(line.begins_at), _iso(line.ends_at), " ".join(map(str, line.version_ids)),
            *[line.quantities.get(metric) for metric in metrics.METRICS],
        ]
        for line in made.lines
    ]  # fmt: skip
    return files.as_csv(LINE_COLUMNS, rows, name=f"statement-{chosen.name}")


@bp.get("/<month>/statement.json")
@member("billing:read")
def statement_json(month: str) -> ResponseReturnValue:
    """Everything, for whoever wants to do it again: docs/statement.md."""
    chosen = months.named(month, now=current.now)
    out = cast(IO[bytes], tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115  (closed when it is sent)
    text = io.TextIOWrapper(out, encoding="utf-8", write_through=True)
    export.write(current.session, current.organisation, chosen, text, now=current.now)
    text.detach()
    out.seek(0)
    headers = {"Content-Disposition": f'attachment; filename="statement-{chosen.name}.json"'}
    answer = Response(_sent(out), mimetype="application/json", headers=headers)
    answer.call_on_close(out.close)
    return answer


@bp.get("/<month>/<line>")
@member("billing:read")
def hours(month: str, line: str) -> ResponseReturnValue:
    chosen, found = _opened(month, line)
    rows = list(found.hours)
    before = request.args.get("before")
    if before:
        until = drilling.hour_named(before, found.line)
        rows = [row for row in rows if row.begins_at < until]
    return htmx.render(
        "billing/line.html",
        month=chosen,
        line=found.line,
        opened=found,
        shares=sharing.of_line(found.line),
        hours=rows[:HOURS],
        older=rows[HOURS - 1].name if len(rows) > HOURS else None,
        before=before,
        words=Words(),
        now=current.now,
    )


@bp.get("/<month>/<line>/hours.csv")
@member("billing:read")
def hours_csv(month: str, line: str) -> ResponseReturnValue:
    """Every hour of the line, newest first, and what of it is no hour's; all of them add up to the line."""
    chosen, found = _opened(month, line)
    line_, counted = found.line, list(found.line.quantities)
    rows: list[list[object]] = [
        [
            _iso(row.begins_at), row.calls, *[row.quantities[metric] for metric in counted], row.nanos,
            row.amount_minor, line_.currency,
        ]
        for row in found.hours
    ]  # fmt: skip
    if found.rest_nanos:
        rows.append([None, 0, *[0 for _ in counted], found.rest_nanos, found.rest_minor, line_.currency])
    columns = ("hour_utc", "calls", *[f"quantity_{one}" for one in counted], "nanos", "amount_minor", "currency")
    return files.as_csv(columns, rows, name=f"{chosen.name}-{line_.key}-hours")


@bp.get("/<month>/<line>/<hour>")
@member("billing:read")
def calls(month: str, line: str, hour: str) -> ResponseReturnValue:
    chosen, opened = _opened(month, line)
    found = opened.line
    hour_at = drilling.hour_named(hour, found)
    before = request.args.get("before")
    page = drilling.calls(current.session, current.organisation, found, hour_at, limit=CALLS + 1, before=before)
    names = keys.keys_by_id(current.session, current.organisation, list({one.event.key_id for one in page}))
    slugs = {one.id: one.slug for one in integrations.every(current.session)}
    return htmx.render(
        "billing/hour.html",
        month=chosen,
        line=found,
        opened=opened,
        whole=next((one for one in opened.hours if one.begins_at == hour_at), None),
        hour_at=hour_at,
        hour=hour,
        calls=page[:CALLS],
        older=page[CALLS - 1].event.id if len(page) > CALLS else None,
        before=before,
        key_names={key_id: key.name for key_id, key in names.items()},
        slugs=slugs,
        words=Words(),
    )


@bp.get("/<month>/<line>/<hour>/calls.csv")
@member("billing:read")
def calls_csv(month: str, line: str, hour: str) -> ResponseReturnValue:
    """Every call of the hour, newest first; they add up to it."""
    _, found = _line(month, line)
    hour_at = drilling.hour_named(hour, found)
    every = list(drilling.every_call(current.session, current.organisation, found, hour_at))
    names = keys.keys_by_id(current.session, current.organisation, list({one.event.key_id for one in every}))
    slugs = {one.id: one.slug for one in integrations.every(current.session)}
    columns = (
        "receipt", "at_utc", "integration", "tool", "key", "status", *[f"quantity_{one}" for one in found.quantities],
        "nanos", "currency", "price_version",
    )  # fmt: skip
    rows = (
        [
            one.event.id, one.event.at.isoformat(), slugs.get(one.event.integration_id, "gone"), one.event.tool,
            names[one.event.key_id].name if one.event.key_id in names else "gone", one.event.status,
            *one.quantities.values(), one.nanos, one.event.currency, one.event.price_version_id,
        ]
        for one in every
    )  # fmt: skip
    return files.as_csv(columns, rows, name=f"{found.key}-{hour}-calls")


class Words:
    """How money and quantities are written on these pages."""

    @staticmethod
    def minor(amount: int, currency: str) -> str:
        """Whole minor units."""
        return amounts.shown_minor(amount, currency=currency)

    @staticmethod
    def nanos(amount: int, currency: str) -> str:
        """Unrounded amounts, also below zero."""
        return amounts.shown(amount, currency=currency)

    @staticmethod
    def unit(metric: str, quantity: int) -> str:
        """“call” or “calls”."""
        return metrics.WORDS[metric][0 if quantity == 1 else 1] if metric else ""


def _line(month: str, key: str) -> tuple[Month, Line]:
    chosen = months.named(month, now=current.now)
    made = gathering.statement_of(current.session, current.organisation.id, chosen)
    return chosen, drilling.line_of(made, key)


def _opened(month: str, key: str) -> tuple[Month, drilling.Opened]:
    chosen = months.named(month, now=current.now)
    return chosen, drilling.opened(current.session, current.organisation, chosen, key)


def _sent(out: IO[bytes]) -> Iterator[bytes]:
    with out:
        while data := out.read(CHUNK):
            yield data


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
