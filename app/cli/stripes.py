"""`postern stripe`: what is to be done about Stripe itself."""

import click
from sqlmodel import Session

from app.billing import modes
from app.billing.models import LIVE, TEST
from app.core import clock, config, db


@click.group(help="Stripe's two modes.")
def stripe() -> None:
    pass


@stripe.command(
    "leave",
    help="End every subscription of MODE here (not at Stripe), and take back credit that was bought there, so that the "
    "other mode's key can work.",
)
@click.argument("mode", type=click.Choice([TEST, LIVE]))
@click.confirmation_option(prompt="Everybody who is on one will be on the default plan. Go on?")
def stripe_leave(mode: str) -> None:
    ended = taken = 0
    with Session(db.create(config.load().database_url)) as session:
        while found := modes.leave(session, mode, now=clock.now()):
            session.commit()
            ended += found
        while found := modes.take_credit_back(session, mode, now=clock.now()):
            session.commit()
            taken += found
    click.echo(f"{ended} {'subscription' if ended == 1 else 'subscriptions'} of {mode} mode ended.")
    if taken:
        click.echo(f"Credit of {taken} {'purchase' if taken == 1 else 'purchases'} was taken back.")
