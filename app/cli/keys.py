"""`postern key`: API keys, set up by hand."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import click
from sqlmodel import Session

from app.cli import database
from app.core import clock, config
from app.core.errors import Invalid, PosternError
from app.keys import queries, rotation, services, terms
from app.keys.models import Key
from app.keys.rotation import Overlap
from app.keys.terms import Terms
from app.organisations import queries as organisations

_SPAN = re.compile(r"(\d{1,5})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}

_EXPIRES = "When it stops: 12h, 90d, 26w, 2027-01-31 (as that day begins, UTC), 2027-01-31T18:00+01:00, or never."
_SCOPE = "What it reaches: an integration (sampler) or one tool (clock/get_current_time). May be given again."
_NETWORK = "Where it may be used from: an address or a range, 10.0.0.0/8, 2001:db8::/32. May be given again."

_OVERLAP = "How long the old secret goes on: none, 24h, 7d, or quiet-6h, until nobody has used it for so long."


@click.group(help="API keys.")
def key() -> None:
    pass


@key.command("create", help="Make a key for the organisation with this SLUG and print its secret, once.")
@click.argument("slug")
@click.option("--name", default="command line", show_default=True, help="What the key is for.")
@click.option("--test", "is_test", is_flag=True, help="A test key: it gets sample answers, which cost nothing.")
@click.option("--scope", "scope", multiple=True, help=_SCOPE + " Left out: everything.")
@click.option("--network", "network", multiple=True, help=_NETWORK + " Left out: anywhere.")
@click.option("--expires", default="never", show_default=True, help=_EXPIRES)
def key_create(
    slug: str, name: str, is_test: bool, scope: tuple[str, ...], network: tuple[str, ...], expires: str
) -> None:
    now = clock.now()
    with database.opened() as session:
        issued = services.issue(
            session,
            organisation=organisations.by_slug(session, slug),
            name=name,
            brand=config.load().key_brand,
            environment="test" if is_test else "live",
            on=Terms(scope or None, network, moment(expires, now=now)),
            person_id=None,
            now=now,
        )
        session.commit()
        click.echo(issued.secret)


@key.command("list", help="The keys of the organisation with this SLUG, revoked ones last.")
@click.argument("slug")
@click.option("--limit", default=200, show_default=True, help="How many keys at most.")
def key_list(slug: str, limit: int) -> None:
    now = clock.now()
    with database.opened() as session:
        for found in queries.keys_of(session, organisations.by_slug(session, slug), limit=limit):
            click.echo(_line(found, now))


@key.command("disable", help="Stop keys until they are enabled again. A KEY is its prefix (pst_live_AbCdEfGh).")
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
def key_disable(keys: tuple[str, ...]) -> None:
    _each(keys, services.disable, "disabled; calls with it are refused within a second")


@key.command("enable", help="Let disabled keys work again.")
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
def key_enable(keys: tuple[str, ...]) -> None:
    _each(keys, services.enable, "enabled")


@key.command("revoke", help="Stop keys for good.")
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
def key_revoke(keys: tuple[str, ...]) -> None:
    _each(keys, services.revoke, "revoked; calls with it are refused within a second")


@key.command("rotate", help="Give KEY a new secret and print it, once. Limits, budget and statistics stay the key's.")
@click.argument("key_", metavar="KEY")
@click.option("--overlap", default="none", show_default=True, help=_OVERLAP)
def key_rotate(key_: str, overlap: str) -> None:
    with _known(key_) as (session, found):
        issued = rotation.rotate(
            session,
            key=found,
            overlap=_overlap(overlap),
            brand=config.load().key_brand,
            person_id=None,
            now=clock.now(),
        )
        click.echo(issued.secret)


@key.command("update", help="Change what KEY reaches, from where, or until when. What is not named stays.")
@click.argument("key_", metavar="KEY")
@click.option("--scope", "scope", multiple=True, help=_SCOPE + " Replaces what it reached.")
@click.option("--every-scope", is_flag=True, help="It reaches everything, now and later.")
@click.option("--network", "network", multiple=True, help=_NETWORK + " Replaces where it could be used.")
@click.option("--every-network", is_flag=True, help="It may be used from anywhere.")
@click.option("--expires", help=_EXPIRES)
def key_update(
    key_: str,
    scope: tuple[str, ...],
    every_scope: bool,
    network: tuple[str, ...],
    every_network: bool,
    expires: str | None,
) -> None:
    if (scope and every_scope) or (network and every_network):
        raise Invalid("Give --scope or --every-scope, --network or --every-network, not both.")
    with _known(key_) as (session, found):
        now, to = clock.now(), terms.terms_of(found)
        if scope or every_scope:
            to = replace(to, scopes=scope or None)
        if network or every_network:
            to = replace(to, networks=network)
        if expires is not None:
            to = replace(to, expires_at=moment(expires, now=now))
        services.change(session, key=found, to=to, person_id=None, now=now)
        click.echo(_line(found, now))


def _overlap(text: str) -> Overlap:
    """What --overlap means. Raises Invalid."""
    if text == "none":
        return rotation.NOW
    quiet, _, span = text.rpartition("quiet-")
    found = _SPAN.fullmatch(span)
    if found is None or quiet:
        raise Invalid(f"“{text}” is no overlap. Write none, 1h, 24h, 7d, or quiet-6h.")
    hours = int(found[1]) * _HOURS[found[2]]
    return Overlap(quiet_hours=hours) if text.startswith("quiet-") else Overlap(hours=hours)


def moment(text: str, *, now: datetime) -> datetime | None:
    """What --expires means; None for never. Raises Invalid."""
    if text == "never":
        return None
    span = _SPAN.fullmatch(text)
    if span is not None:
        return now + timedelta(hours=int(span[1]) * _HOURS[span[2]])
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"“{text}” is not a moment. Write 90d, 2027-01-31, 2027-01-31T18:00+01:00, or never.") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


@contextmanager
def _known(text: str) -> Iterator[tuple[Session, Key]]:
    """Commits unless something is raised."""
    with database.opened() as session:
        yield session, queries.by_hint(session, text)
        session.commit()


def _each(texts: tuple[str, ...], act: Callable[..., None], what_happened: str) -> None:
    """One after the other, so that one that cannot be done keeps none of the others waiting. Exits with 2 if any."""
    problems = []
    for text in texts:
        try:
            with _known(text) as (session, found):
                act(session, key=found, person_id=None, now=clock.now())
                done = f"“{found.name}” ({found.hint}) is {what_happened}."
        except PosternError as problem:
            problems.append(problem.message)
        else:
            click.echo(done)
    if problems:
        raise Invalid("\n".join(problems))


def _line(found: Key, now: datetime) -> str:
    state = found.state_at(now)
    fields = [f"{state:8}", found.hint, found.name, f"reaches {found.reach}"]
    if found.networks:
        fields.append(f"from {found.origin}")
    if found.expires_at is not None:
        fields.append(f"until {terms.in_words(found.expires_at)}")
    return "  ".join(fields)
