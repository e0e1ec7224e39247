"""Running Postern, and the few things that an operator sets up by hand."""

import sys

import click
from pydantic import SecretStr
from sqlmodel import Session

from app.accounts import queries as accounts
from app.accounts import services as account_services
from app.core import clock, config, db, logs, revision
from app.core import migrate as migrations
from app.core.errors import Invalid
from app.integrations import refreshing
from app.sandbox import run as sandbox
from app.sandbox import seed as sandbox_seed


@click.command(help="Start everything on this machine: portal, gateway, worker and the stand-ins. Ctrl-C stops it.")
def run() -> None:
    settings = config.load()
    if not settings.is_development:
        raise Invalid("`postern run` is for development. In production start the processes of the Procfile.")
    logs.set_up(level="WARNING", as_json=False)
    sys.exit(sandbox.run(settings))


@click.command(help="Bring the database to this release's shape. Safe to repeat.")
def migrate() -> None:
    settings = config.load()
    engine = db.create(settings.database_url)
    with engine.connect() as connection:
        before = revision.current(connection)
    migrations.upgrade(engine)
    engine.dispose()
    after = revision.expected()
    click.echo(f"The database is at {after}, as it was." if before == after else f"Migrated to {after}.")


@click.command(help="Put the two sample integrations behind the gateway, at the ports now in force. Safe to repeat.")
def seed() -> None:
    settings = config.load()
    if not settings.is_development:
        raise Invalid("`postern seed` is for development: nobody wants samples in production.")
    with Session(db.create(settings.database_url)) as session:
        sandbox_seed.seed(session, settings=settings, now=clock.now())
        for slug in sandbox_seed.SLUGS:
            complaint = sandbox_seed.approve(session, slug, refreshing.means(settings))
            session.commit()
            click.echo(f"{slug}: {complaint}" if complaint else f"{slug}: its tools can be called.")


@click.command(help="List every setting with what is in force and what it is for. Secrets are shown as dots.")
def settings() -> None:
    in_force = config.load()
    for name, field in config.Settings.model_fields.items():
        value = getattr(in_force, name)
        shown = "••••••" if isinstance(value, SecretStr) and value.get_secret_value() else value
        if name == "database_url":
            shown = db.without_password(value)
        click.echo(f"{config.PREFIX}{name.upper()} = {shown}\n    {field.description}")


@click.group(help="People who run this installation.")
def operator() -> None:
    pass


@operator.command(
    "add", help="Make the person with this SUBJECT at this ISSUER an operator. They must have signed in once."
)
@click.argument("issuer")
@click.argument("subject")
def operator_add(issuer: str, subject: str) -> None:
    with Session(db.create(config.load().database_url)) as session:
        person = accounts.person_by_identity(session, issuer=issuer, subject=subject)
        account_services.make_operator(session, person=person, now=clock.now())
        session.commit()
        click.echo(f"{person.name} is an operator now.")


@operator.command("remove", help="Take the operator's pages away from the person with this SUBJECT at this ISSUER.")
@click.argument("issuer")
@click.argument("subject")
def operator_remove(issuer: str, subject: str) -> None:
    with Session(db.create(config.load().database_url)) as session:
        person = accounts.person_by_identity(session, issuer=issuer, subject=subject)
        account_services.remove_operator(session, person=person, now=clock.now())
        session.commit()
        click.echo(f"{person.name} is no operator any more.")


@operator.command("list", help="Who is an operator, and everyone who could be made one, with their issuer and subject.")
@click.option("--limit", default=50, show_default=True, help="How many people at most.")
def operator_list(limit: int) -> None:
    with Session(db.create(config.load().database_url)) as session:
        for person, identity in accounts.people_with_identities(session, limit=limit):
            mark = "operator" if person.is_operator else "        "
            click.echo(f"{mark}  {person.name}  {identity.issuer}  {identity.subject}")
