"""`postern integration`: MCP servers behind the gateway, set up by hand."""

from typing import TextIO

import click
from sqlmodel import Session

from app.cli import credentials, declare, installations, showing, tools
from app.core import clock, config, db, net
from app.integrations import approvals, models, queries, refreshing, services, snippets
from app.integrations import credentials as integration_credentials
from app.integrations.models import Integration
from app.integrations.refreshing import Means
from app.integrations.trail import Trail


@click.group(help="MCP servers behind the gateway.")
def integration() -> None:
    pass


for command in (
    tools.tools,
    tools.changes,
    tools.approve,
    tools.reject,
    tools.sample,
    credentials.credential,
    installations.install,
    installations.uninstall,
    declare.apply,
):
    integration.add_command(command)


@integration.command(
    "add", help="Put the MCP server at URL (http or https) behind the gateway as /k/SLUG/mcp, and approve its tools."
)
@click.argument("slug")
@click.argument("url")
@click.option("--name", default="", help="What people read; the slug if left out.")
@click.option("--summary", default="", help="One line about what it does.")
@click.option("--example-tool", default="", help="A tool worth calling first: “Your first call” shows how.")
@click.option("--example-arguments", default="{}", help="Its arguments, as a JSON object.")
@click.option("--closed", is_flag=True, help="Only for organisations that install it.")
@click.option("--hold", is_flag=True, help="Approve nothing yet.")
@click.option("--credential-header", default="", help="The header by which the server lets Postern in: authorization.")
@click.option("--credential-file", type=click.File(), help="Holds its value; “-” for standard input.")
def integration_add(
    slug: str,
    url: str,
    name: str,
    summary: str,
    example_tool: str,
    example_arguments: str,
    closed: bool,
    hold: bool,
    credential_header: str,
    credential_file: TextIO | None,
) -> None:
    in_force = config.load()
    net.from_settings(in_force).check_url(url)
    means = refreshing.means(in_force)
    with Session(db.create(in_force.database_url)) as session:
        added = services.add(
            session,
            slug=slug,
            name=name or slug,
            summary=summary,
            upstream_url=url,
            example_tool=example_tool,
            example_arguments=example_arguments,
            is_open=not closed,
            now=clock.now(),
        )
        if credential_file is not None:
            integration_credentials.put(
                session,
                integration=added,
                header=credential_header or "authorization",
                value=credential_file.read(),
                vault=means.vault,
                now=clock.now(),
            )
        session.commit()
        click.echo(f"Calls to {snippets.key_address(in_force.gateway_url, slug)} now reach {url}.")
        _look(session, added, means, approves=not hold)
        session.commit()


@integration.command("refresh", help="Look at the tools of the integration with this SLUG now. Approves nothing.")
@click.argument("slug")
def integration_refresh(slug: str) -> None:
    in_force = config.load()
    with Session(db.create(in_force.database_url)) as session:
        _look(session, queries.by_slug(session, slug), refreshing.means(in_force), approves=False)
        session.commit()


@integration.command("list", help="What can be called, and what is switched off.")
def integration_list() -> None:
    in_force = config.load()
    with Session(db.create(in_force.database_url)) as session:
        for found in queries.every(session):
            state = "on " if found.is_enabled else "off"
            address = snippets.key_address(in_force.gateway_url, found.slug)
            click.echo(
                f"{state}  {found.slug}  {address}  →  {found.upstream_url}{showing.held_in_words(session, found)}"
            )


@integration.command("disable", help="Stop calls to the integration with this SLUG.")
@click.argument("slug")
def integration_disable(slug: str) -> None:
    _switch(slug, is_enabled=False)


@integration.command("enable", help="Allow calls to the integration with this SLUG again.")
@click.argument("slug")
def integration_enable(slug: str) -> None:
    _switch(slug, is_enabled=True)


def _look(session: Session, found: Integration, means: Means, *, approves: bool) -> None:
    """Ask it for its tools, show them, and approve what is beyond suspicion if so wanted."""
    looked = refreshing.refresh(session, found, means, clock=clock.now)
    if looked.error:
        click.echo(f"Its tools could not be had: {looked.error}")
        click.echo(f"{_served(session, found)}: postern integration refresh {found.slug}")
        return
    if approves:
        plain = [tool for tool in queries.tools_of(session, found) if not tool.findings]
        approvals.approve(Trail(session, found, clock.now()), plain)
    click.echo(showing.tools(session, found))


def _served(session: Session, found: Integration) -> str:
    """What can be called of an integration that could not be looked at, and what comes next."""
    approved = sum(tool.state == models.APPROVED for tool in queries.tools_of(session, found))
    if not approved:
        return "Until they are known and approved, nothing of it can be called"
    which = "The tool that is approved is" if approved == 1 else f"The {approved} tools that are approved are"
    return f"{which} served on as before. Look again later"


def _switch(slug: str, *, is_enabled: bool) -> None:
    with Session(db.create(config.load().database_url)) as session:
        found = queries.by_slug(session, slug)
        services.set_enabled(session, integration=found, is_enabled=is_enabled, now=clock.now())
        session.commit()
    click.echo(f"“{slug}” is {'on' if is_enabled else 'off'}.")
