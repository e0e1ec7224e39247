"""`postern integration tools` and its siblings: what integrations offer, what of it changed, and what may be called."""

from typing import TextIO

import click
from sqlmodel import Session

from app.cli import showing
from app.core import clock, config, db
from app.integrations import approvals, queries
from app.integrations.trail import Trail


@click.command(help="The tools of the integration with this SLUG, which are held, and what looks poisoned.")
@click.argument("slug")
def tools(slug: str) -> None:
    with _session() as session:
        click.echo(showing.tools(session, queries.by_slug(session, slug)))


@click.command(help="What changed in the tools of the integration with this SLUG, or of all, as diffs.")
@click.argument("slug", default="")
@click.option("--all", "is_all", is_flag=True, help="Also what somebody has decided about.")
def changes(slug: str, is_all: bool) -> None:
    with _session() as session:
        asked = [queries.by_slug(session, slug)] if slug else queries.every(session)
        by_id = {integration.id: integration for integration in asked}
        found = queries.changes_of(session, asked, is_open=not is_all)
        texts = [showing.change(by_id[change.integration_id], change) for change in found]
    click.echo("\n\n".join(texts) if texts else "Nothing waits for a decision.")


@click.command(
    help="Serve these TOOLs of the integration with this SLUG as they were found last. "
    "TOOL@DIGEST approves only what was looked at."
)
@click.argument("slug")
@click.argument("names", nargs=-1, metavar="[TOOL]…")
@click.option("--all", "is_all", is_flag=True, help="All in which nothing looks poisoned.")
def approve(slug: str, names: tuple[str, ...], is_all: bool) -> None:
    if not names and not is_all:
        raise click.UsageError("Name tools, or say --all.")
    with _session() as session:
        integration = queries.by_slug(session, slug)
        chosen = {tool.name: tool for tool in approvals.chosen(session, integration=integration, typed=names)}
        if is_all:
            chosen |= {tool.name: tool for tool in queries.tools_of(session, integration) if not tool.findings}
        approvals.approve(Trail(session, integration, clock.now()), chosen.values())
        session.commit()
        click.echo(showing.tools(session, integration))


@click.command(help="Say no to what these TOOLs of the integration with this SLUG have become: they stay held.")
@click.argument("slug")
@click.argument("names", nargs=-1, required=True, metavar="TOOL…")
def reject(slug: str, names: tuple[str, ...]) -> None:
    with _session() as session:
        integration = queries.by_slug(session, slug)
        chosen = approvals.chosen(session, integration=integration, typed=names)
        approvals.reject(Trail(session, integration, clock.now()), chosen)
        session.commit()
        click.echo(showing.tools(session, integration))


@click.command(
    help="Answer test keys that call this TOOL with the result (JSON) in FILE; without FILE, with one made up."
)
@click.argument("slug")
@click.argument("name", metavar="TOOL")
@click.argument("file", type=click.File(), required=False)
def sample(slug: str, name: str, file: TextIO | None) -> None:
    with _session() as session:
        integration = queries.by_slug(session, slug)
        [tool] = approvals.chosen(session, integration=integration, typed=[name])
        approvals.set_sample(Trail(session, integration, clock.now()), tool, file.read() if file is not None else "")
        session.commit()
    click.echo(f"Test keys that call {slug}/{name} get {'this sample' if file is not None else 'a sample made up'}.")


def _session() -> Session:
    return Session(db.create(config.load().database_url))
