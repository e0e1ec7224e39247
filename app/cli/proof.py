"""`postern verify` and `postern explain`: that the ledger is as it was written, and why it says what it says."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import click
from sqlalchemy import Connection

from app.billing import recompute
from app.cli import database
from app.core import clock, config
from app.core.errors import Invalid, NotFound
from app.metering import audit_chain, explaining, kept_seals, proving, receipts, signing, verification
from app.metering.kept_seals import Kept
from app.metering.receipts import NotAReceipt
from app.organisations import queries as organisations
from app.plans import checking

MINUTES = 15


@click.command(
    help="Check that no event was changed, dropped, reordered or put in, that all amounts and totals are right, "
    "and that no price, plan or entry of the audit trail was changed or deleted; with --against, that what was sealed "
    "once is still there; with --receipt, that a receipt is genuine and its call is in the ledger. "
    "With a STATEMENT (statement.json, as the page of a month gives it), do it again from its calls, and hold "
    "the receipts in the folder RECEIPTS against it; nothing else is needed: no database. "
    "Exits with 1 if anything is wrong."
)
@click.argument("statement", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument(
    "held", metavar="[RECEIPTS]", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--organisation", "slug", help="Only the ledger of the organisation with this slug.")
@click.option("--receipt", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file with a receipt.")
@click.option(
    "--keys",
    "kept",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Public keys that you kept, as /.well-known/postern-receipt-keys.json gives them. With --receipt, nothing "
    "else is needed: no database.",
)
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Seals that you kept, as `postern seals` printed them: finds also an end that was cut off.",
)
@click.option("--minutes", default=MINUTES, show_default=True, help="An event older than that must be sealed.")
def verify(
    statement: Path | None,
    held: Path | None,
    slug: str | None,
    receipt: Path | None,
    kept: Path | None,
    against: Path | None,
    minutes: int,
) -> None:
    if statement is not None:
        sys.exit(_statement(statement, held))
    keys = _keys_in(kept) if kept is not None else None
    seals = _seals_in(against) if against is not None else None
    sys.exit(_receipt(receipt, keys) if receipt is not None else _ledger(slug, keys, seals, minutes))


@click.command(help="Print the newest seals of all ledgers and of the audit trail, to be kept away from the database.")
def seals() -> None:
    with database.opened() as session, proving.reading(session.get_bind()) as connection:  # type: ignore[arg-type]
        click.echo(kept_seals.encoded(kept_seals.newest(connection)))


@click.command(help="Say what was decided about the call with this receipt or request id, and by which rule.")
@click.argument("any_id")
def explain(any_id: str) -> None:
    settings = config.load()
    addresses = {
        "keys_url": settings.portal_url + "/keys",
        "gateway_url": settings.gateway_url,
        "operator": settings.operator,
    }
    with database.opened() as session:
        lines = explaining.of(session, any_id, kept_hours=settings.attempts_kept_hours, addresses=addresses)
    if not lines:
        raise NotFound(
            f"Nothing is known of “{any_id[:60]}”. Receipts (rcp_…) of calls are kept for good, but one may still wait "
            f"on a gateway's disk. What makes no event (req_…: refused, free, answered from a first try) is kept for "
            f"{settings.attempts_kept_hours} hours, and is written a moment after the answer; what a gateway had not "
            "written yet when it was killed is lost. Requests that are not HTTP, health checks, and browsers at "
            "addresses where nothing is, leave no trace but the log."
        )
    for line in lines:
        click.echo(line)


def _ledger(slug: str | None, keys: dict[str, bytes] | None, seals: Kept | None, minutes: int) -> int:
    with database.opened() as session:
        chosen = [organisations.by_slug(session, slug).id] if slug is not None else None
        wrong = 0
        with proving.reading(session.get_bind()) as connection:  # type: ignore[arg-type]  # an engine: database.py
            before = clock.now() - timedelta(minutes=minutes)
            ids = verification.everybody(connection) if chosen is None else chosen
            known = keys if keys is not None else proving.keys_in(connection)
            for line in _wrong(connection, ids, known, seals, before):
                wrong += 1
                click.echo(f"WRONG  {line}")
    click.echo(
        f"{len(ids)} organisation(s) checked, {wrong or 'nothing'} wrong. Keys: {', '.join(known) or 'none yet'}."
    )
    return 1 if wrong else 0


def _wrong(
    connection: Connection, ids: list[UUID], keys: dict[str, bytes], seals: Kept | None, before: datetime
) -> Iterator[str]:
    for finding in proving.everything_wrong(connection, unsealed_before=before, organisation_ids=ids, keys=keys):
        place = f", place {finding.seq}" if finding.seq is not None else ""
        yield f"organisation {finding.organisation_id}{place}: {finding.what}"
    for price in checking.changed(connection):
        yield f"price version {price.id}: it was changed after it was set"
    for version in checking.changed_plans(connection):
        yield f"version {version.number} of a plan ({version.id}): it was changed after it was set"
    for price_id in checking.gone(connection, used=proving.prices_used(connection)):
        yield f"price version {price_id}: it was deleted"
    for words in audit_chain.check(connection, keys=keys, unsealed_before=before):
        yield f"audit trail, {words}"
    if seals is not None:
        for whose, words in kept_seals.contradictions(connection, seals, keys=keys):
            yield f"{f'organisation {whose}' if whose is not None else 'audit trail'}, {words}"


def _statement(path: Path, held: Path | None) -> int:
    receipts = [one.read_text(encoding="utf-8") for one in sorted(held.iterdir()) if one.is_file()] if held else []
    is_wrong, words = recompute.checked(path.read_text(encoding="utf-8"), receipts)
    for line in words:
        click.echo(line)
    return 1 if is_wrong else 0


def _receipt(path: Path, keys: dict[str, bytes] | None) -> int:
    text = path.read_text(encoding="utf-8").strip()
    try:
        if keys is not None:
            said = receipts.verified(text, keys)
        else:
            with database.opened() as session, proving.reading(session.get_bind()) as connection:  # type: ignore[arg-type]
                said = receipts.verified(text, proving.keys_in(connection))
                problem = proving.contradiction(connection, said)
            if problem:
                click.echo(f"WRONG  The receipt is genuine, but {problem}")
                return 1
    except NotAReceipt as problem:
        click.echo(f"WRONG  {problem}")
        return 1
    click.echo(json.dumps(said, indent=2, ensure_ascii=False))
    click.echo("The receipt is genuine." + ("" if keys is not None else " Its call is in the ledger, as it says."))
    return 0


def _keys_in(path: Path) -> dict[str, bytes]:
    try:
        published = json.loads(path.read_text(encoding="utf-8"))["keys"]
        return {key["id"]: signing.decoded(key["public"]) for key in published}
    except (ValueError, KeyError, TypeError):
        raise Invalid(f"{path} does not hold public keys as the gateway publishes them.") from None


def _seals_in(path: Path) -> Kept:
    try:
        return kept_seals.decoded(path.read_bytes())
    except ValueError:
        raise Invalid(f"{path} does not hold seals as `postern seals` prints them.") from None
