"""The worker looks at integrations again and again; one that fails keeps what was approved, and disturbs no other."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from app import jobs
from app.core import clock, vault
from app.core.changes import Change
from app.core.config import Settings
from app.core.net import Guard
from app.integrations import conversation, discovery, queries, refreshing
from app.integrations.models import Integration, Tool
from app.integrations.refreshing import Means
from tests.integrations.servers import McpServer, tool
from tests.waiting import PATIENCE_S

SETTINGS = Settings(environment="development")


@pytest.fixture
def means(monkeypatch):
    monkeypatch.setattr(conversation, "REQUEST_S", PATIENCE_S)
    monkeypatch.setattr(discovery, "WITHIN_S", 10 * PATIENCE_S)
    return Means(Guard(private_networks=["127.0.0.0/8"], requires_https=False), vault.from_settings(SETTINGS))


@pytest.fixture
def looked_at(session, make, now):
    """An integration whose tools are approved."""
    found = make.integration("search", tools=("find",))
    session.commit()
    return found


def refresh(session, integration, means, now):
    looked = refreshing.refresh(session, integration, means, clock=lambda: now)
    session.commit()
    return looked


def test_a_failure_is_kept_and_nothing_is_taken_back(session, looked_at, means, now, caplog):
    for _ in range(2):
        assert "cannot be reached" in refresh(session, looked_at, means, now).error

    assert (looked_at.checked_at, looked_at.check_error) == (now, "It cannot be reached.")
    assert [one.state for one in queries.tools_of(session, looked_at)] == ["approved"]
    assert [record.message for record in caplog.records] == ["integration.unreadable"], "said once"


def test_a_failure_is_forgotten_once_it_answers(session, looked_at, means, now):
    refresh(session, looked_at, means, now)
    with McpServer(tools=[tool("find", "The tool find.")]) as server:
        looked_at.upstream_url = server.url
        refresh(session, looked_at, means, now)

    assert looked_at.check_error == ""
    assert looked_at.protocol_versions == ["2026-07-28", "2025-11-25"]
    assert [one.state for one in queries.tools_of(session, looked_at)] == ["approved"]


def test_nothing_is_under_way_while_it_is_asked(session, looked_at, means, now, monkeypatch):
    def look(*_, **__):
        assert not session.in_transaction()
        return discovery.Found(["2025-11-25"], {}, [])

    monkeypatch.setattr(discovery, "look", look)

    assert refresh(session, looked_at, means, now).error == ""


def test_one_that_was_moved_while_it_answered_is_left_alone(engine, session, looked_at, means, now, monkeypatch):
    def look(*_, **__):
        with Session(engine) as other:
            other.get(Integration, looked_at.id).upstream_url = "https://elsewhere.example/mcp"
            other.commit()
        return discovery.Found(["2025-11-25"], {}, [])

    monkeypatch.setattr(discovery, "look", look)

    assert "moved" in refresh(session, looked_at, means, now).error
    assert [one.state for one in queries.tools_of(session, looked_at)] == ["approved"]


def test_a_credential_that_cannot_be_opened_is_a_failure_like_others(session, looked_at, means, now):
    looked_at.credential_header, looked_at.credential_sealed = "authorization", "v1.00000000.AAAA"
    session.commit()

    assert "not among POSTERN_ENCRYPTION_KEYS" in refresh(session, looked_at, means, now).error


def test_the_worker_looks_at_those_that_are_due_and_survives_surprises(engine, session, make, means, monkeypatch):
    now = clock.now()
    due, fresh, off = make.integration("due"), make.integration("fresh"), make.integration("off", is_enabled=False)
    odd, never = make.integration("odd"), make.integration("never", tools=())
    due.checked_at, odd.checked_at, fresh.checked_at = now - timedelta(hours=2), now - timedelta(hours=3), now
    never.created_at = now - timedelta(hours=1)
    session.commit()
    asked = []

    def look(_guard, _url, **_):
        asked.append(1)
        if len(asked) == 1:
            raise ZeroDivisionError
        return discovery.Found(["2025-11-25"], {}, [])

    monkeypatch.setattr(discovery, "look", look)
    job = next(job for job in jobs.OUTSIDE if job.name == "refresh_tools")

    jobs.run_once(engine, SETTINGS, job)

    session.expire_all()
    assert len(asked) == 3
    assert [one.checked_at > now for one in (odd, due, never, fresh)] == [False, True, True, False]
    assert off.checked_at == make.now


def test_a_quiet_look_tells_gateways_nothing(session, looked_at, means, now):
    with McpServer(tools=[tool("find", "The tool find.")]) as server:
        looked_at.upstream_url = server.url
        refresh(session, looked_at, means, now)
        before = len(session.exec(select(Change)).all())
        refresh(session, looked_at, means, now)

    assert len(session.exec(select(Change)).all()) == before
    assert session.exec(select(Tool)).one().found_at == now
