"""`postern doctor`: is this installation well, and if not, what is wrong and what to do."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import click
import requests
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app.accounts import providers
from app.billing import modes
from app.core import clock, config, db, mail, mail_smtp, net, revision
from app.core.config import Settings
from app.core.errors import Conflict, Invalid, Unavailable
from app.core.net import Guard
from app.integrations import queries as integrations
from app.unusual import countries

TIMEOUT_S = 5
CLOCK_SKEW_S = 30
"""More than this between two clocks breaks sign-in (id tokens) before it breaks bills."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, whether it is well, and words for whoever must act."""

    what: str
    is_well: bool
    words: str


@click.command(
    help="Check settings, database, clock and what this installation depends on; exit 1 if anything is wrong."
)
def doctor() -> None:
    is_well = True
    for finding in examine():
        is_well = is_well and finding.is_well
        click.echo(f"{'ok   ' if finding.is_well else 'WRONG'}  {finding.what:<22} {finding.words}")
    sys.exit(0 if is_well else 1)


def examine() -> Iterator[Finding]:
    """Findings, in the order in which a person would look; stops early when the rest could not be checked."""
    try:
        settings = config.load()
    except Invalid as problem:
        yield Finding("settings", False, problem.message)
        return
    yield Finding("settings", True, f"{settings.environment}, database {db.without_password(settings.database_url)}")
    missing = db.missing_file(settings.database_url)
    if missing is not None:
        yield Finding("database", False, f"There is no file {missing} yet: postern migrate")
        return
    engine = db.create(settings.database_url, pool_size=1)
    try:
        database = _database(engine)
        yield database
        if database.is_well:
            yield _clock_of_database(engine)
            yield from _stripe(engine, settings)
            yield from _integrations(engine, net.from_settings(settings))
    finally:
        engine.dispose()
    yield from _addresses(settings)
    yield _mail(settings)
    if settings.geoip_db is not None:
        yield _countries(settings.geoip_db)


def _database(engine: Engine) -> Finding:
    try:
        with engine.connect() as connection:
            current, expected = revision.current(connection), revision.expected()
            if engine.dialect.name == "sqlite":
                check = connection.execute(text("PRAGMA quick_check")).scalar_one()
                if check != "ok":
                    return Finding("database", False, f"SQLite says: {check}. Restore a backup.")
    except SQLAlchemyError as problem:
        return Finding("database", False, f"It does not answer: {problem.args[0] if problem.args else problem}")
    if current != expected:
        return Finding(
            "database", False, f"It is at {current or 'nothing'}, this release wants {expected}: postern migrate"
        )
    return Finding("database", True, f"{engine.dialect.name}, migrated to {current}")


def _stripe(engine: Engine, settings: Settings) -> Iterator[Finding]:
    if settings.takes_payments:
        try:
            with Session(engine) as session:
                modes.check(session, settings.stripe_mode)
        except Conflict as problem:
            yield Finding("Stripe", False, problem.message)
        else:
            yield Finding("Stripe", True, f"in {settings.stripe_mode} mode")


def _clock_of_database(engine: Engine) -> Finding:
    if engine.dialect.name == "sqlite":
        return Finding("clock", True, f"{clock.now():%Y-%m-%d %H:%M:%S} UTC")
    with engine.connect() as connection:
        theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return _compare("clock", "the database server", theirs)


def _compare(what: str, whose: str, theirs: datetime) -> Finding:
    skew_s = abs((clock.now() - theirs).total_seconds())
    if skew_s > CLOCK_SKEW_S:
        return Finding(what, False, f"This machine and {whose} are {skew_s:.0f} s apart. Set both by NTP.")
    return Finding(what, True, f"{skew_s:.0f} s from {whose}")


def _integrations(engine: Engine, guard: Guard) -> Iterator[Finding]:
    with Session(engine) as session:
        found = integrations.enabled(session)
    if not found:
        yield Finding("integrations", False, "There is nothing to call yet: postern integration add SLUG URL")
    for integration in found:
        yield _registered(guard, f"integration {integration.slug}", integration.upstream_url)


def _registered(guard: Guard, what: str, url: str) -> Finding:
    """Ask an address as the gateway would: only if it may be called."""
    try:
        with guard.open_stream(url, headers={"Accept": "text/event-stream, */*"}, timeout_s=TIMEOUT_S) as answer:
            return Finding(what, answer.status < 500, f"{url} answers {answer.status}")
    except net.Forbidden as problem:
        return Finding(what, False, f"{url} is {problem.address}. {problem.message} See POSTERN_PRIVATE_NETWORKS.")
    except (Invalid, Unavailable) as problem:
        return Finding(what, False, f"{url}: {problem.message}")


def _addresses(settings: Settings) -> Iterator[Finding]:
    for provider in providers.of(settings):
        if provider.discovery_url:
            yield _reach(f"sign-in {provider.name}", provider.discovery_url, compares_clock=True)
    yield _reach("portal", f"{settings.portal_url}/readyz")
    yield _reach("gateway", f"{settings.gateway_url}/readyz")


def _mail(settings: Settings) -> Finding:
    if not settings.sends_mail:
        words = "No mail server is set (POSTERN_SMTP_URL): "
        kept = mail.is_kept(settings)
        return Finding("mail", settings.is_development, words + ("it is read at /outbox/" if kept else "none is sent"))
    try:
        mail_smtp.check(settings)
    except Unavailable as problem:
        return Finding("mail", False, problem.message)
    return Finding("mail", True, f"{settings.smtp_server.host} takes mail from {settings.mail_from}")


def _countries(path: Path) -> Finding:
    try:
        built_at = datetime.fromtimestamp(countries.opened(path).metadata().build_epoch, UTC)
    except countries.Unreadable as problem:
        return Finding("countries", False, str(problem))
    return Finding("countries", True, f"{path}, of {built_at:%Y-%m-%d}")


def _reach(what: str, url: str, *, compares_clock: bool = False) -> Finding:
    try:
        answer = requests.get(url, timeout=TIMEOUT_S, allow_redirects=False, stream=True)
        answer.close()
    except requests.RequestException as problem:
        return Finding(what, False, f"{url} does not answer: {type(problem).__name__}")
    if answer.status_code != 200:
        return Finding(what, False, f"{url} answers {answer.status_code}")
    if compares_clock and "Date" in answer.headers:
        skew = _compare(what, url, parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC))
        if not skew.is_well:
            return skew
    return Finding(what, True, f"{url} answers {answer.status_code}")
