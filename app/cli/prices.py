"""`postern price`: what calls cost."""

from datetime import UTC, datetime

import click
from sqlmodel import Session

from app.core import clock, config, db
from app.integrations import queries as integrations
from app.plans import amounts, pricing, queries

MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


@click.group(help="What calls cost.")
def price() -> None:
    pass


@price.command("set", help="Give each call of the integration SLUG, or of one TOOL of it, a price.")
@click.argument("slug")
@click.argument("tool", default="")
@click.option("--amount", required=True, help="Per call, such as “0.25c” or “0.05 usd”; 0 for free.")
@click.option("--from", "begins", type=click.DateTime(MOMENTS), help="From when (UTC); now if left out.")
def price_set(slug: str, tool: str, amount: str, begins: datetime | None) -> None:
    in_force = config.load()
    with Session(db.create(in_force.database_url)) as session:
        version = pricing.set_price(
            session,
            integration=integrations.by_slug(session, slug),
            tool=tool,
            nanos_per_unit=amounts.parse(amount, currency=in_force.currency),
            currency=in_force.currency,
            effective_at=begins.replace(tzinfo=UTC) if begins is not None else None,
            now=clock.now(),
        )
        session.commit()
        shown = amounts.shown(version.nanos_per_unit, currency=version.currency)
        since = "now" if begins is None else f"{version.effective_at:%Y-%m-%d %H:%M:%S} UTC"
        click.echo(f"Each call of {slug}{'/' + tool if tool else ''} costs {shown} from {since} on.")


@price.command("list", help="What calls cost now, and what they will cost later.")
def price_list() -> None:
    now = clock.now()
    with Session(db.create(config.load().database_url)) as session:
        for integration, version in queries.in_force(session, now=now):
            place = f"{integration.slug}/{version.tool}" if version.tool else integration.slug
            shown = amounts.shown(version.nanos_per_unit, currency=version.currency)
            later = f"  from {version.effective_at:%Y-%m-%d %H:%M:%S} UTC" if version.effective_at > now else ""
            click.echo(f"{place}  {shown} per call{later}")
