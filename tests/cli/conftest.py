"""A command line on a test's database, and a ledger to check."""

import asyncio

import pytest
from click.testing import CliRunner
from sqlmodel import Session

from app import cli
from app.core import clock, vault
from app.core.config import Settings
from app.metering import sealing, signing
from tests.cli.sealed import seal_trail
from tests.conftest import NOW
from tests.metering.recording import recording, row


@pytest.fixture
def run(database_url):
    """`run("verify")` gives the exit code and what was printed."""

    def run(*words):
        runner = CliRunner(env={"POSTERN_DATABASE_URL": database_url})
        result = runner.invoke(cli.postern, words, standalone_mode=False)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return run


@pytest.fixture
def called(engine, session, make):
    """A recorded and sealed call: its row, its receipt, and the published keys."""
    box = vault.from_settings(Settings())
    key, integration = make.key(name="ci"), make.integration("sampler", tools=())
    said = row(organisation_id=key.organisation_id, key_id=key.id, integration_id=integration.id)
    signer = signing.signer(session, box, now=NOW)
    session.commit()

    async def record():
        async with recording(engine, make_signer=lambda: signer) as recorder:
            return await recorder.record(said)

    receipt = asyncio.run(record())
    with Session(engine) as other:
        sealing.Sealer().run(other, box, now=clock.now())
        other.commit()
        seal_trail(other)
        keys = signing.as_json(signing.published(other))
    return said, receipt, keys
