"""`postern integration install` and `uninstall`: which organisations use an integration that is not open to all."""

import click
from sqlmodel import Session

from app.core import clock, config, db
from app.integrations import queries, services
from app.organisations import queries as organisations


@click.command(help="Let the organisation with the slug ORGANISATION use the closed integration SLUG.")
@click.argument("slug")
@click.argument("organisation")
def install(slug: str, organisation: str) -> None:
    with Session(db.create(config.load().database_url)) as session:
        whose = organisations.by_slug(session, organisation)
        found = queries.by_slug(session, slug)
        services.install(session, integration=found, organisation=whose, now=clock.now(), person_id=None)
        session.commit()
        note = " It is open to all anyway." if found.is_open else ""
        click.echo(f"{whose.name} can use “{slug}” now.{note}")


@click.command(help="Take the integration SLUG away from the organisation with the slug ORGANISATION.")
@click.argument("slug")
@click.argument("organisation")
def uninstall(slug: str, organisation: str) -> None:
    with Session(db.create(config.load().database_url)) as session:
        whose = organisations.by_slug(session, organisation)
        found = queries.by_slug(session, slug)
        services.uninstall(session, integration=found, organisation=whose, now=clock.now(), person_id=None)
        session.commit()
        note = " It is open to all, so calls still pass." if found.is_open else ""
        click.echo(f"{whose.name} has “{slug}” no more.{note}")
