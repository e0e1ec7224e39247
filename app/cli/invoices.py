"""`postern invoice`: bills, and taking back a part of one."""

import click
from sqlmodel import Session

from app.billing import credit_notes, invoices, stripe_api
from app.billing.credit_note_models import BALANCE, REFUND
from app.billing.credit_notes import Wanted
from app.billing.models import Invoice
from app.core import clock, config, db
from app.core.errors import NotFound
from app.organisations import queries as organisations
from app.plans import amounts
from app.sandbox import directory

SHOWN = 50


@click.group(help="Invoices, as Stripe has them.")
def invoice() -> None:
    pass


@invoice.command("list", help="The newest invoices of the organisation SLUG.")
@click.argument("slug")
def invoice_list(slug: str) -> None:
    settings = directory.beside(config.load())
    with Session(db.create(settings.database_url)) as session:
        organisation = organisations.by_slug(session, slug)
        for one in invoices.of(session, organisation.id, settings.stripe_mode, limit=SHOWN):
            total = amounts.shown_minor(one.total, currency=one.currency)
            left = amounts.shown_minor(credit_notes.room(session, one), currency=one.currency)
            number = one.number or "not yet final"
            click.echo(
                f"{one.id}  {number}  {one.created_at:%Y-%m-%d}  {one.state}  {total}, of which {left} can go back"
            )


@invoice.command("credit", help="Take AMOUNT of the invoice INVOICE (its number or id) back, by a credit note.")
@click.argument("named", metavar="INVOICE")
@click.argument("amount")
@click.option("--words", required=True, help="What it is for: the customer reads it.")
@click.option("--reason", default="", type=click.Choice([*credit_notes.REASONS]), help="One of Stripe's reasons.")
@click.option(
    "--to", "way", default=REFUND, type=click.Choice([REFUND, BALANCE]), help="The card, or the next invoice."
)
@click.option("--reference", default="", help="What it is for: the same reference takes it back once.")
def invoice_credit(named: str, amount: str, words: str, reason: str, way: str, reference: str) -> None:
    settings = directory.beside(config.load())
    api = stripe_api.from_settings(settings)
    with Session(db.create(settings.database_url), expire_on_commit=False) as session:
        found = _named(session, named, api.mode)
        minor = amounts.parse_minor(amount, currency=found.currency)
        left = credit_notes.room(session, found)
        wanted = Wanted(minor, way, reason, words.strip(), reference or f"of {left} left: {minor} {way} {words}")
        credit_notes.check(session, found, wanted)
        session.commit()
        note, again = credit_notes.issue(api, found, wanted), invoices.fetch(api, found.id)
        credit_notes.record(session, found, note, person_id=None, now=clock.now())
        invoices.apply(session, again, clock.now())
        session.commit()
    click.echo(
        f"{amounts.shown_minor(minor, currency=found.currency)} of {found.number} were taken back by {note['number']}."
    )


def _named(session: Session, named: str, mode: str) -> Invoice:
    found = invoices.by_name(session, named, mode)
    if found is None:
        raise NotFound(f"There is no invoice “{named}”. `postern invoice list` shows an organisation's.")
    return found
