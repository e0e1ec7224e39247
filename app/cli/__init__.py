"""`postern`: what whoever runs Postern types. Each command says what it did, or what is wrong in words."""

import getpass
import sys

import click

from app.cli import (
    credit,
    doctor,
    integrations,
    invoices,
    keys,
    leaks,
    limits,
    mail,
    operate,
    plans,
    prices,
    proof,
    reconcile,
    secrets,
    stripes,
)
from app.core import audit
from app.core.audit import Origin
from app.core.errors import PosternError


@click.group(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
def postern() -> None:
    pass


for command in (
    operate.run,
    operate.migrate,
    operate.seed,
    operate.settings,
    operate.operator,
    keys.key,
    leaks.leaks,
    integrations.integration,
    secrets.secrets,
    plans.plans,
    prices.price,
    credit.credit,
    limits.limit,
    invoices.invoice,
    stripes.stripe,
    reconcile.reconcile,
    mail.mail,
    proof.verify,
    proof.seals,
    proof.explain,
):
    postern.add_command(command)
postern.add_command(doctor.doctor)


def main() -> None:
    """Entry point. A refusal is printed without a traceback and exits with 2."""
    audit.set_origin(Origin(kind=audit.COMMAND_LINE, name=_user()))
    try:
        postern(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except PosternError as problem:
        click.echo(problem.message, err=True)
        sys.exit(2)


def _user() -> str:
    """Who types, as the machine knows them; "" where it does not."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
