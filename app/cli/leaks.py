"""`postern leaks`: what was reported as leaked, and whether GitHub can be believed."""

import click
from sqlmodel import Session

from app.cli import database
from app.core import config, moments
from app.leaks import queries, scanners, words
from app.leaks.models import LeakSignerList


@click.group(help="Keys that were found in public.")
def leaks() -> None:
    pass


@leaks.command("status", help="How many keys were found and what was done, what was none of ours, and GitHub's list.")
def leaks_status() -> None:
    with database.opened() as session:
        for line in (*_done(session), *_unknown(session), _signers(session)):
            click.echo(line)


@leaks.command("letter", help="What to write to GitHub so that its secret scanning reports here.")
def leaks_letter() -> None:
    click.echo(scanners.github(config.load()), nl=False)


def _done(session: Session) -> list[str]:
    found = queries.counts_by_deed(session)
    lines = [f"{words.DONE[did]}: {found[did]:,}" for did in words.DONE if did in found]
    return lines or ["No key has leaked."]


def _unknown(session: Session) -> list[str]:
    return [
        f"Not ours, in {words.SOURCES[one.source]}: {one.count:,}, the last {moments.words(one.last_at)}"
        for one in queries.unknown_counts(session)
    ]


def _signers(session: Session) -> str:
    state = session.get(LeakSignerList, 1)
    if state is None:
        return "GitHub's list of keys: nobody has asked for it, since nothing was reported."
    if state.fetched_at is None:
        return f"GitHub's list of keys: {state.url} has not answered yet; the portal's log says why."
    return f"GitHub's list of keys: as of {moments.words(state.fetched_at)}, from {state.url}"
