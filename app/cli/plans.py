"""`postern plans`: what can be bought, from a file."""

from datetime import UTC, datetime
from pathlib import Path

import click
from sqlmodel import Session

from app.core import clock, config, db, moments
from app.core.config import ROOT
from app.plans import applying, moving, queries, reading, words, writing
from app.plans.applying import Difference, When
from app.plans.models import FROM_PAGE

MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
CATALOGUE = ROOT / "plans.toml"


@click.group(help="What can be bought.")
def plans() -> None:
    pass


@plans.command("apply", help="Make plans what FILE says (plans.toml if left out), and say what changes for whom.")
@click.argument("file", type=click.Path(path_type=Path), default=CATALOGUE)
@click.option("--dry-run", is_flag=True, help="Only say it.")
@click.option("--effective", type=click.DateTime(MOMENTS), help="From when (UTC); now if left out.")
@click.option("--move", is_flag=True, help="Those who are on older versions follow, at the end of their interval.")
@click.option("--notice-days", default=30, show_default=True, help="With --move: not before so many days from now.")
@click.option("--overwrite", is_flag=True, help="Also what was changed on the operator’s page since FILE was written.")
def plans_apply(
    file: Path, dry_run: bool, effective: datetime | None, move: bool, notice_days: int, overwrite: bool
) -> None:
    now = clock.now()
    catalogue = reading.from_file(file)
    when = When(effective.replace(tzinfo=UTC) if effective is not None else now, notice_days, is_moving=move)
    with Session(db.create(config.load().database_url)) as session:
        found = applying.apply(session, catalogue, when=when, overwrites=overwrite, now=now)
        for difference in found:
            _show(difference, when, now=now)
        if not found:
            click.echo("All plans are as the file says.")
        elif dry_run:
            click.echo("Nothing was changed (--dry-run).")
        else:
            session.commit()
            since = "now" if effective is None else f"{when.effective_at:%Y-%m-%d %H:%M:%S} UTC"
            click.echo(f"Applied, from {since} on.")


@plans.command("export", help="Write the plans as they are, as a file that `apply` takes: to FILE, or here.")
@click.argument("file", type=click.Path(path_type=Path), required=False)
def plans_export(file: Path | None) -> None:
    with Session(db.create(config.load().database_url)) as session:
        text = writing.catalogue(queries.newest(session))
    if file is None:
        click.echo(text, nl=False)
    else:
        file.write_text(text, encoding="utf-8")
        click.echo(f"Wrote {file}.")


@plans.command("list", help="What can be chosen now, and how many are on it.")
def plans_list() -> None:
    now = clock.now()
    with Session(db.create(config.load().database_url)) as session:
        for offer in queries.newest(session).values():
            said = offer.document
            marks = ["default"] if said.is_default else []
            marks += [] if said.is_published else ["not published"]
            marks += ["from the operator’s page"] if offer.version.source == FROM_PAGE else []
            if offer.version.effective_at > now:
                marks.append(f"from {offer.version.effective_at:%Y-%m-%d %H:%M:%S} UTC")
            on_it = _organisations(queries.organisations_on(session, offer.plan))
            note = f"  ({', '.join(marks)})" if marks else ""
            click.echo(f"{offer.plan.slug}  version {offer.version.number}  {said.name}, {said.kind}  {on_it}{note}")


@plans.command("show", help="Everything that the plan SLUG says.")
@click.argument("slug")
def plans_show(slug: str) -> None:
    with Session(db.create(config.load().database_url)) as session:
        offer = queries.newest(session).get(slug) or queries.offer(session, slug, at=clock.now())
        click.echo(f"{slug}, version {offer.version.number}, from {offer.version.effective_at:%Y-%m-%d %H:%M:%S} UTC")
        for name, said in words.facts(offer.document).items():
            if said:
                click.echo(f"  {name}: {said}")


def _show(difference: Difference, when: When, *, now: datetime) -> None:
    if difference.before is None:
        click.echo(f"{difference.slug}: new")
    else:
        then = "to be told, and to follow" if when.is_moving else "on an older one, where they stay"
        who = f"{_organisations(difference.organisations)} {then}" if difference.organisations else "nobody is on it"
        click.echo(f"{difference.slug}: version {difference.before.version.number + 1}; {who}")
    for line in difference.lines:
        click.echo(f"  {line}")
    if difference.withdrawn:
        click.echo(f"  {_stopped(difference.withdrawn, is_moving=when.is_moving)}")
        click.echo("  Those who had been told so get mail about it.")
    if difference.organisations and when.is_moving and not when.notice_days:
        first = moving.first_at(effective_at=when.effective_at, notice_days=0, now=now)
        click.echo(f"  Nobody is told beforehand: no days of notice, and the first follow on {moments.day(first)}.")


def _stopped(number: int, *, is_moving: bool) -> str:
    """What becomes of those who were to follow to an older version."""
    one, many = ("was", "stays where it is", "follows"), ("were", "stay where they are", "follow")
    was, stay, follow = one if number == 1 else many
    then = f"{follow} to this one instead, or {stay}" if is_moving else stay
    return f"Withdrawn: {_organisations(number)} that {was} to follow to an older version {then}."


def _organisations(number: int) -> str:
    return "1 organisation" if number == 1 else f"{number:,} organisations"
