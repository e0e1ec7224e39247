"""The daily look at domains: what is missing for days proves nothing any more, what fails to answer loses nothing."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.core import dns_txt
from app.core.config import Settings
from app.core.mail import Mail
from app.organisations import domains
from app.organisations.provider_models import Domain
from app.team import domain_watch
from tests.core.name_server import NameServer
from tests.databases import on_one


@pytest.fixture
def server():
    with NameServer() as server:
        yield server


@pytest.fixture
def watch(session, server, tmp_path):
    """Looks at what is due at that moment."""
    settings = Settings(data_dir=tmp_path, dns_servers=(server.place,))
    session.commit()
    return lambda now: domain_watch.run(session, settings, now)


@pytest.fixture
def proven(session, make, now, server):
    """Proves domains of one organisation, and has the name server say so; the first was looked at the longest ago."""
    organisation = make.organisation(owner=make.person())

    def go(*names):
        found = []
        for number, name in enumerate(names):
            domain = domains.add(session, organisation=organisation, name=name, person_id=None, now=now)
            at = now - timedelta(minutes=len(names) - number)
            assert domains.prove(session, domain=domain, found=[domain.record], person_id=None, now=at)
            server.records[domain.record_name] = [["something else"], [domain.record[:20], domain.record[20:]]]
            found.append(domain)
        session.commit()
        return found

    return go


def test_domain_is_looked_at_once_a_day_and_stays_while_its_record_does(watch, proven, server, now):
    [domain] = proven("acme.example")

    assert watch(now + timedelta(hours=20)) == 0
    assert watch(now + timedelta(days=1)) == 1
    assert watch(now + timedelta(days=1, minutes=5)) == 0

    assert (domain.proven_at is not None, domain.missing_since) == (True, None)
    assert server.asked == [domain.record_name]


@on_one
def test_name_server_that_fails_takes_no_domain_away_and_is_asked_again_in_an_hour(watch, proven, server, session, now):
    [domain] = proven("acme.example")
    server.failing[domain.record_name] = "SERVFAIL"
    later = now + timedelta(days=1)
    for _ in range(100):
        assert watch(later) == 1
        later += timedelta(hours=1)

    assert (domain.proven_at is not None, domain.missing_since) == (True, None)
    assert watch(later - timedelta(minutes=1)) == 0
    assert session.exec(select(Mail)).all() == []


@on_one
def test_record_that_is_gone_for_three_days_lapses_and_one_that_comes_back_starts_anew(
    watch, proven, server, session, now
):
    [domain] = proven("acme.example")
    record = server.records.pop(domain.record_name)
    assert watch(now + timedelta(days=1)) == 1
    assert watch(now + timedelta(days=2)) == 1
    server.records[domain.record_name] = record
    watch(now + timedelta(days=3))
    server.records[domain.record_name] = [["postern-domain=another"]]

    for day in (4, 5, 6):
        watch(now + timedelta(days=day))
        assert domain.proven_at is not None
    watch(now + timedelta(days=7))

    assert domain.proven_at is None
    assert [one.template for one in session.exec(select(Mail))] == ["domain_lapsed"]
    assert watch(now + timedelta(days=9)) == 0


@on_one
def test_one_name_server_that_fails_keeps_nobody_else_waiting(watch, proven, server, session, now):
    first, second, third = proven("one.example", "two.example", "three.example")
    server.failing[first.record_name] = "SERVFAIL"
    del server.records[third.record_name]

    assert watch(now + timedelta(days=1)) == 3

    assert [one.missing_since is not None for one in (first, second, third)] == [False, False, True]


@on_one
def test_domain_that_is_removed_meanwhile_is_left_alone(watch, proven, server, session, now, monkeypatch):
    first, second = proven("one.example", "two.example")
    texts = dns_txt.texts

    def slow(name, **options):
        if name == first.record_name:
            session.delete(session.get(Domain, second.id))
            session.commit()
        return texts(name, **options)

    monkeypatch.setattr(dns_txt, "texts", slow)

    assert watch(now + timedelta(days=1)) == 2

    assert [one.name for one in session.exec(select(Domain))] == ["one.example"]
