"""`postern integration`: MCP servers behind the gateway, set up by hand."""

import click
from sqlmodel import Session

from app.core import clock, config, db
from app.integrations import queries, services, snippets


@click.group(help="MCP servers behind the gateway.")
def integration() -> None:
    pass


@integration.command("add", help="Put the MCP server at URL behind the gateway as /k/SLUG/mcp.")
@click.argument("slug")
@click.argument("url")
@click.option("--name", default="", help="What people read; the slug if left out.")
@click.option("--summary", default="", help="One line about what it does.")
@click.option("--example-tool", default="", help="A tool worth calling first: “Your first call” shows how.")
@click.option("--example-arguments", default="{}", help="Its arguments, as a JSON object.")
def integration_add(slug: str, url: str, name: str, summary: str, example_tool: str, example_arguments: str) -> None:
    in_force = config.load()
    with Session(db.create(in_force.database_url)) as session:
        services.add(
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
    click.echo(f"Calls to {snippets.key_address(in_force.gateway_url, slug)} now reach {url}.")


@integration.command("list", help="What can be called, and what is switched off.")
def integration_list() -> None:
    in_force = config.load()
    with Session(db.create(in_force.database_url)) as session:
        for found in queries.every(session):
            state = "on " if found.is_enabled else "off"
            address = snippets.key_address(in_force.gateway_url, found.slug)
            click.echo(f"{state}  {found.slug}  {address}  →  {found.upstream_url}")


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
        found = queries.by_slug(session, slug)
        services.set_enabled(session, integration=found, is_enabled=is_enabled, now=clock.now())
        session.commit()
    click.echo(f"“{slug}” is {'on' if is_enabled else 'off'}.")
