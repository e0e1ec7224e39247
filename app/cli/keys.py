"""`postern key`: API keys, set up by hand."""

import click
from sqlmodel import Session

from app.core import clock, config, db
from app.keys import services
from app.organisations import queries as organisations


@click.group(help="API keys.")
def key() -> None:
    pass


@key.command("create", help="Make a key for the organisation with this SLUG and print its secret, once.")
@click.argument("slug")
@click.option("--name", default="command line", show_default=True, help="What the key is for.")
@click.option("--test", "is_test", is_flag=True, help="A test key instead of a live one.")
def key_create(slug: str, name: str, is_test: bool) -> None:
    in_force = config.load()
    with Session(db.create(in_force.database_url)) as session:
        issued = services.issue(
            session,
            organisation=organisations.by_slug(session, slug),
            name=name,
            brand=in_force.key_brand,
            environment="test" if is_test else "live",
            person_id=None,
            now=clock.now(),
        )
        session.commit()
        click.echo(issued.secret)
