"""`postern integration apply`: integrations from a settings file."""

from typing import TextIO

import click
from sqlmodel import Session

from app.cli import showing
from app.core import clock, config, db, net
from app.integrations import declarations, declaring, refreshing
from app.integrations.declaring import Difference


@click.command(help="Make integrations as the settings file FILE (TOML) says. Safe to repeat; removes nothing.")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--dry-run", "is_rehearsal", is_flag=True, help="Only show what would be done.")
def apply(file: TextIO, is_rehearsal: bool) -> None:
    in_force = config.load()
    declared = declarations.read(file.read())
    guard = net.from_settings(in_force)
    for one in declared.values():
        guard.check_url(one.url)
    means = refreshing.means(in_force)
    with Session(db.create(in_force.database_url)) as session:
        differences = {slug: declaring.compare(session, slug, one, means.vault) for slug, one in declared.items()}
        click.echo("\n".join(_shown(difference) for difference in differences.values()))
        if is_rehearsal:
            return
        for slug, one in declared.items():
            integration = declaring.carry_out(session, differences[slug], one, means.vault, now=clock.now())
            session.commit()
            looked = refreshing.refresh(session, integration, means, clock=clock.now)
            declaring.approve(session, integration, one, now=clock.now())
            session.commit()
            click.echo(f"\n{slug}\n{looked.error or showing.tools(session, integration)}")


def _shown(difference: Difference) -> str:
    if not difference:
        return f"{difference.slug}: as it is."
    head = f"{difference.slug}: {'new' if difference.is_new else 'changes'}"
    fields = [
        f"  {name}: {shall}" if difference.is_new else f"  {name}: {is_now} → {shall}"
        for name, is_now, shall in difference.fields
    ]
    return "\n".join([head, *fields, *(["  credential: set"] if difference.sets_credential else [])])
