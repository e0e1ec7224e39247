"""Running Postern, and the few things that an operator sets up by hand."""

import sys

import click
from pydantic import SecretStr
from sqlmodel import Session

from app.accounts import queries as accounts
from app.accounts import services as account_services
from app.core import clock, config, db, logs
from app.core import migrate as migrations
from app.core.errors import Invalid
from app.integrations import queries as integrations
from app.integrations import services as integration_services
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
        before = migrations.current(connection)
    migrations.upgrade(engine)
    engine.dispose()
    after = migrations.expected()
    click.echo(f"The database is at {after}, as it was." if before == after else f"Migrated to {after}.")


@click.command(help="Put the two sample integrations behind the gateway, at the ports now in force. Safe to repeat.")
def seed() -> None:
    settings = config.load()
    if not settings.is_development:
        raise Invalid("`postern seed` is for development: nobody wants samples in production.")
    with Session(db.create(settings.database_url)) as session:
        sandbox_seed.seed(session, settings=settings, now=clock.now())
        session.commit()


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


@operator.command("list", help="Who is an operator, and everyone who could be made one, with their issuer and subject.")
@click.option("--limit", default=50, show_default=True, help="How many people at most.")
def operator_list(limit: int) -> None:
    with Session(db.create(config.load().database_url)) as session:
        for person, identity in accounts.people_with_identities(session, limit=limit):
            mark = "operator" if person.is_operator else "        "
            click.echo(f"{mark}  {person.name}  {identity.issuer}  {identity.subject}")


@click.group(help="MCP servers behind the gateway.")
def integration() -> None:
    pass


@integration.command("add", help="Put the MCP server at URL behind the gateway as /mcp/SLUG.")
@click.argument("slug")
@click.argument("url")
@click.option("--name", default="", help="What people read; the slug if left out.")
@click.option("--summary", default="", help="One line about what it does.")
@click.option("--example-tool", default="", help="A tool worth calling first: “Your first call” shows how.")
@click.option("--example-arguments", default="{}", help="Its arguments, as a JSON object.")
def integration_add(slug: str, url: str, name: str, summary: str, example_tool: str, example_arguments: str) -> None:
    in_force = config.load()
    with Session(db.create(in_force.database_url)) as session:
        integration_services.add(
            session,
            slug=slug,
            name=name or slug,
            summary=summary,
            upstream_url=url,
            example_tool=example_tool,
            example_arguments=example_arguments,
            now=clock.now(),
        )
        session.commit()
    click.echo(f"Calls to {in_force.gateway_url}/mcp/{slug} now reach {url}.")


@integration.command("list", help="What can be called, and what is switched off.")
def integration_list() -> None:
    in_force = config.load()
    with Session(db.create(in_force.database_url)) as session:
        for found in integrations.every(session):
            state = "on " if found.is_enabled else "off"
            click.echo(f"{state}  {found.slug}  {in_force.gateway_url}/mcp/{found.slug}  →  {found.upstream_url}")


@integration.command("disable", help="Stop calls to the integration with this SLUG.")
@click.argument("slug")
def integration_disable(slug: str) -> None:
    _switch(slug, is_enabled=False)


@integration.command("enable", help="Allow calls to the integration with this SLUG again.")
@click.argument("slug")
def integration_enable(slug: str) -> None:
    _switch(slug, is_enabled=True)


def _switch(slug: str, *, is_enabled: bool) -> None:
    with Session(db.create(config.load().database_url)) as session:
        found = integrations.by_slug(session, slug)
        integration_services.set_enabled(session, integration=found, is_enabled=is_enabled, now=clock.now())
        session.commit()
    click.echo(f"“{slug}” is {'on' if is_enabled else 'off'}.")
