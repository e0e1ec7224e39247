"""`postern integration credential`: by what an integration lets Postern in."""

from typing import TextIO

import click
from sqlmodel import Session

from app.core import clock, config, db, vault
from app.integrations import credentials, queries


@click.group(help="What lets Postern in at an integration. It is sealed, and never shown again.")
def credential() -> None:
    pass


@credential.command("set", help="Send HEADER with the value in FILE (“-” for standard input) to the integration SLUG.")
@click.argument("slug")
@click.argument("header")
@click.argument("file", type=click.File())
def credential_set(slug: str, header: str, file: TextIO) -> None:
    in_force = config.load()
    with Session(db.create(in_force.database_url)) as session:
        credentials.put(
            session,
            integration=queries.by_slug(session, slug),
            header=header,
            value=file.read(),
            vault=vault.from_settings(in_force),
            now=clock.now(),
        )
        session.commit()
    click.echo(f"Every request to “{slug}” now carries the header {header.lower()}.")


@credential.command("clear", help="Send the integration SLUG no credential any more.")
@click.argument("slug")
def credential_clear(slug: str) -> None:
    with Session(db.create(config.load().database_url)) as session:
        credentials.clear(session, integration=queries.by_slug(session, slug), now=clock.now())
        session.commit()
    click.echo(f"Requests to “{slug}” carry no credential any more.")
