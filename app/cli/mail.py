"""`postern mail`: whether mail arrives."""

from uuid import uuid4

import click
from sqlmodel import Session

from app.core import clock, config, config_mail, db
from app.core import mail as mails


@click.group(help="Mail that Postern sends.")
def mail() -> None:
    pass


@mail.command("test", help="Have the worker send a test mail to ADDRESS.")
@click.argument("address")
def mail_test(address: str) -> None:
    in_force = config.load()
    if not config_mail.is_address(address):
        raise click.ClickException(mails.NO_ADDRESS)
    with Session(db.create(in_force.database_url)) as session:
        mails.queue(session, to=address, template="test", context={}, key=f"test:{uuid4()}", now=clock.now())
        session.commit()
    where = f"It is read at {in_force.portal_url}/outbox/." if mails.is_kept(in_force) else "The worker sends it now."
    click.echo(f"Queued. {where}")
