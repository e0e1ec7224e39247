"""`postern credit`: prepaid credit."""

from datetime import UTC, datetime
from uuid import uuid4

import click
from sqlmodel import Session, select

from app.billing import credit as wallets
from app.billing import payments, stripe_api, wallet
from app.billing.payment_models import CreditPayment
from app.billing.wallet_models import GIFT, PROMOTIONAL
from app.core import clock, config, db, moments
from app.core.errors import Invalid
from app.organisations import queries as organisations
from app.plans import amounts
from app.plans import queries as plans


@click.group(help="Prepaid credit.")
def credit() -> None:
    pass


@credit.command("give", help="Give the organisation SLUG credit, such as “25.00”.")
@click.argument("slug")
@click.argument("amount")
@click.option("--currency", default="", help="Of AMOUNT; the subscription's, or the installation's, if left out.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), help="Until when (UTC); for ever.")
@click.option("--promotion", is_flag=True, help="Say that it is for trying things out; such credit expires.")
@click.option("--words", default="", help="What the organisation reads about it; “Gift” or “Promotion” if left out.")
@click.option("--reference", default="", help="What it is for: the same reference gives it once.")
def credit_give(
    slug: str, amount: str, currency: str, expires: datetime | None, promotion: bool, words: str, reference: str
) -> None:
    if promotion and expires is None:
        raise Invalid("A promotion ends: say until when its credit can be used, such as --expires 2027-01-01.")
    in_force, now = config.load(), clock.now()
    with Session(db.create(in_force.database_url)) as session:
        organisation = organisations.by_slug(session, slug)
        subscription = plans.subscription_at(session, organisation.id, now)
        paid_in = subscription.currency if subscription is not None else ""
        kept_in = currency.lower() or paid_in or in_force.currency
        grant = wallet.give(
            session,
            organisation=organisation,
            currency=kept_in,
            nanos=amounts.parse_minor(amount, currency=kept_in) * amounts.NANOS,
            kind=PROMOTIONAL if promotion else GIFT,
            reference=f"gift:{reference or uuid4()}",
            words=words or ("Promotion" if promotion else "Gift"),
            expires_at=expires.replace(tzinfo=UTC) if expires is not None else None,
            now=now,
        )
        session.commit()
        until = f" until {moments.words(grant.expires_at)}" if grant.expires_at is not None else ""
        left = amounts.shown(wallets.balance(session, organisation.id, kept_in, at=now), currency=kept_in)
        click.echo(
            f"{slug} has {amounts.shown(grant.nanos, currency=kept_in)} of credit{until}; {left} are left in all."
        )


@credit.command("list", help="The credit of the organisation SLUG: what is left, and of which grants.")
@click.argument("slug")
def credit_list(slug: str) -> None:
    now = clock.now()
    with Session(db.create(config.load().database_url)) as session:
        organisation = organisations.by_slug(session, slug)
        for currency in wallets.currencies(session, organisation.id):
            click.echo(
                f"{amounts.shown(wallets.balance(session, organisation.id, currency, at=now), currency=currency)}"
            )
            for grant in wallets.open_grants(session, organisation.id, currency, at=now):
                left = amounts.shown(grant.left_nanos, currency=currency)
                until = moments.words(grant.expires_at) if grant.expires_at is not None else "for ever"
                click.echo(f"  {left} of {amounts.shown(grant.nanos, currency=currency)}  {grant.kind}  {until}")


@credit.command("apply", help="Make what a payment at Stripe (pi_…) was for hold here.")
@click.argument("payment")
def credit_apply(payment: str) -> None:
    in_force, now = config.load(), clock.now()
    api = stripe_api.from_settings(in_force)
    found = payments.fetch(api, payment)
    if not found:
        raise Invalid(f"{payment} is no payment for credit.")
    with Session(db.create(in_force.database_url)) as session:
        payments.apply(session, found, now)
        session.commit()
        row = session.exec(select(CreditPayment).where(CreditPayment.payment_id == payment)).first()
    if row is None:
        raise Invalid(f"Nothing was paid by {payment}, or by a customer that is not ours.")
    bought = amounts.shown_minor(row.amount, currency=row.currency)
    back = amounts.shown(row.asked_back_nanos, currency=row.currency)
    click.echo(f"{payment} is {row.state}: {bought} of credit, {back} of it paid back.")
