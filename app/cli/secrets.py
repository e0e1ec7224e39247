"""`postern secrets`: the keys that seal what Postern must be able to read again."""

import click
from sqlmodel import Session

from app.core import config, db, vault
from app.integrations import credentials
from app.metering import signing
from app.organisations import providers
from app.webhooks import services as webhooks

RESEALED = (
    ("credential of an integration", "credentials of integrations", credentials.reseal),
    ("signing key", "signing keys", signing.reseal),
    ("secret of single sign-on", "secrets of single sign-on", providers.reseal),
    ("secret of a webhook", "secrets of webhooks", webhooks.reseal),
)
"""What is sealed: one, many, and what seals all of it anew and says how many. Whoever seals more adds a line."""


@click.group(help="The keys that seal stored credentials.")
def secrets() -> None:
    pass


@secrets.command(
    "rotate",
    help="Seal everything anew with the first of POSTERN_ENCRYPTION_KEYS. Afterwards the others can be taken out.",
)
def secrets_rotate() -> None:
    in_force = config.load()
    safe = vault.from_settings(in_force)
    with Session(db.create(in_force.database_url)) as session:
        counted = [(reseal(session, safe), one, many) for one, many, reseal in RESEALED]
        session.commit()
    for count, one, many in counted:
        click.echo(f"{count} {one if count == 1 else many}: sealed with the first key.")
