"""Commands as an operator types them."""

import pytest
from click.testing import CliRunner

from app.cli import postern
from app.core import db
from app.integrations import conversation, discovery
from tests.waiting import PATIENCE_S


@pytest.fixture
def run(engine, monkeypatch, session):
    """run("integration", "list") gives what it printed; a refusal is raised."""
    monkeypatch.setattr(db, "create", lambda *_, **__: engine)
    monkeypatch.setattr(conversation, "REQUEST_S", PATIENCE_S)
    monkeypatch.setattr(discovery, "WITHIN_S", 10 * PATIENCE_S)

    def typed(*words, **more):
        session.rollback()
        session.expire_all()
        result = CliRunner().invoke(postern, words, catch_exceptions=False, standalone_mode=False, **more)
        if result.exception is not None:
            raise result.exception
        return result.output

    return typed
