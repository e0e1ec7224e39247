"""`postern reconcile`: the ledger against Stripe, now."""

import click
from sqlmodel import Session

from app.billing import findings, reconciling, stripe_api, usage
from app.core import clock, config, db
from app.sandbox import directory

SHOWN = 100


@click.command("reconcile", help="Compare the ledger with Stripe's meters and invoices. Exits with 1 if they differ.")
def reconcile() -> None:
    settings = directory.beside(config.load())
    engine = db.create(settings.database_url)
    api = stripe_api.from_settings(settings)
    usage.cut_all(engine, api.mode, now=clock.now())
    run = reconciling.run(engine, api, clock=clock.now)
    with Session(engine) as session:
        found = [one for one in findings.listed(session, is_open=True, limit=SHOWN) if one.mode == api.mode]
    for one in found:
        click.echo(f"{one.kind}: {one.subject}: ours {one.ours:,}, Stripe {one.theirs:,}. {one.proposal}")
    places = "1 place" if run.places == 1 else f"{run.places:,} places"
    if not run.findings:
        click.echo(f"The ledger and Stripe agree in {places}.")
        return
    click.echo(f"{run.findings:,} open in {places}. See {settings.portal_url}/operator/money/.")
    raise SystemExit(1)
