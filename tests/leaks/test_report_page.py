"""Anybody can report a key; the page says at once whether it is whole and whether it is ours, and never whose."""

import pytest
from sqlmodel import select

from app.core.audit import AuditEntry
from app.keys import tokens
from app.keys.models import Key
from app.leaks.models import LeakFind

PAGE = "/report-a-key"


@pytest.fixture
def send(browse):
    def go(key, where="https://paste.example/1", *, status=303):
        browse.get(PAGE)
        return browse.post(PAGE, status=status, key=key, where=where)

    return go


def test_a_strangers_report_stops_the_key_and_names_nobody(send, browse, leaked, session, owner):
    key, secret = leaked

    answer = send(f"  export KEY={secret}\n")

    assert answer.location.endswith(PAGE)
    page = browse.get(PAGE)
    assert "Thank you. That was a key of this gateway." in page.text
    for word in (secret, owner.organisation.name, "“ci”", "Olive"):
        assert word not in page.html
    session.expire_all()
    assert session.get(Key, key.id).is_revoked
    (find,) = session.exec(select(LeakFind))
    assert (find.reporter, find.source, find.url) == ("form", "form", "https://paste.example/1")
    for entry in session.exec(
        select(AuditEntry).where(AuditEntry.subject_id == key.id, AuditEntry.action != "key.issued")
    ):
        assert (entry.actor_kind, entry.address, entry.client) == ("itself", "", "")  # whoever reported stays unnamed


def test_a_key_that_nobody_knows_is_said_to_be_so(send, browse, session):
    send(tokens.generate("pst", "live").secret)

    assert "Nobody here knows that key" in browse.get(PAGE).text
    assert session.exec(select(LeakFind)).all() == []


@pytest.mark.parametrize(
    ("key", "where", "words"),
    [
        ("", "here", "Paste the key that you found."),
        ("hello", "here", "There is no key in this."),
        ("pst_live_abc", "here", "This key is not whole"),
        ("CUT", "here", "This key is not whole: its checksum does not agree"),
        ("x" * 20_001, "here", "That is too long."),
        ("WHOLE", "", "Say where you found it"),
        ("WHOLE", "x" * 1_001, "at most 1,000 characters"),
        ("CUT", "", "This key is not whole: its checksum does not agree"),  # both are said at once
    ],
)
def test_what_is_wrong_is_said_at_once_and_nothing_is_done(send, session, leaked, key, where, words):
    secret = leaked[1]
    answer = send({"WHOLE": secret, "CUT": secret[:-2]}.get(key, key), where, status=422)

    assert words in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert session.exec(select(LeakFind)).all() == []


def test_one_address_reports_only_so_often(send, browse, settings, hand):
    unknown = tokens.generate("pst", "live").secret
    for _ in range(settings.reports_per_address):
        send(unknown)

    answer = send(unknown, status=429)
    assert "Many reports came from your address" in answer.text
    assert int(answer.headers["Retry-After"]) <= 301
    hand.moves(minutes=6)
    send(unknown)


def test_a_report_has_to_come_from_our_own_page(browse, leaked):
    browse.get(PAGE)
    browse.post(PAGE, status=400, csrf=False, key=leaked[1], where="here")


def test_rules_can_be_read_and_downloaded_and_are_linked_from_every_public_page(browse):
    assert browse.get("/").page.links[PAGE] == "Report a leaked key"
    page = browse.get(f"{PAGE}/rules")
    assert "acme" not in page.text
    for name, kind, words in (
        ("gitleaks.toml", "application/toml", "[[rules]]"),
        ("trufflehog.yaml", "application/yaml", "detectors:"),
        ("github.txt", "text/plain; charset=utf-8", "http://127.0.0.1:8300/github/secret-scanning"),
    ):
        assert f"{PAGE}/{name}" in page.page.links
        answer = browse.get(f"{PAGE}/{name}")
        assert answer.headers["Content-Type"] == kind
        assert answer.headers["Content-Disposition"] == f'attachment; filename="pst-{name}"'
        assert words in answer.html
        assert words in page.text
