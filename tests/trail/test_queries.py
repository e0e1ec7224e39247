"""Looking into the audit log gives exactly what was asked for, newest first, page by page, and nobody else's."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text

from app.core.audit import Origin
from app.core.errors import Invalid
from app.trail import filters, queries
from app.trail.filters import Cursor, Filters
from tests.databases import on_both

THING = UUID(int=77)


def all_pages(session, organisation, asked, *, limit=2):
    found, before = [], None
    while True:
        page = queries.page(session, organisation.id, asked, before=before, limit=limit)
        found += [entry.details["name"] for entry in page.entries]
        if page.older is None:
            return found
        assert before is None or page.older != before, "it stands still"
        before = page.older


@on_both
def test_each_filter_finds_what_it_should_on_every_page(session, make, tell, now, monkeypatch):
    alex, kim = make.person("Alex"), make.person("Kim", email="kim@example.com")
    acme, other = make.organisation("Acme"), make.organisation("Other")
    operator = Origin("operator", "Kim", kim.id, None, "198.51.100.9", "Firefox")
    tell(acme, "key.issued", alex, name="a", subject_id=THING)
    tell(acme, "key.revoked", kim, name="b", subject_id=THING, expires="never → 2026-12-01")
    tell(acme, "limit.set", alex, name="c", limit="50 % of «Grüße»")
    tell(acme, "key.disabled", kim, origin=operator, name="d")
    tell(other, "key.issued", alex, name="x")
    tell(acme, "key.enabled", name="e", at=now + timedelta(days=1))
    tell(acme, "limit.removed", alex, name="f", at=now + timedelta(days=1))  # at the same moment as the one before
    tell(acme, "key.changed", alex, name="g", at=now + timedelta(days=2))
    expected = {
        Filters(): "g fe d c b a",
        Filters(person_id=alex.id): "g f c a",
        Filters(kind="operator"): "d",
        Filters(kind="itself"): "e",
        Filters(what="key.revoked"): "b",
        Filters(what="limit"): "f c",
        Filters(what="key"): "g e d b a",
        Filters(what="key", person_id=alex.id): "g a",
        Filters(subject_id=THING): "b a",
        Filters(subject_id=THING, what="key.issued"): "a",
        Filters(subject_id=THING, person_id=kim.id): "b",
        Filters(since=date(2026, 11, 23)): "g fe",
        Filters(until=date(2026, 11, 22)): "d c b a",
        Filters(since=date(2026, 11, 23), until=date(2026, 11, 23)): "fe",
        Filters(text="GRÜSSE"): "",
        Filters(text="Grüße"): "c",
        Filters(text="50 %"): "c",
        Filters(text="5_ %"): "",
        Filters(text="never → 2026"): "b",
        Filters(text="192.0.2.7"): "g f c b a",
        Filters(text="ALEX"): "g f c a",
        Filters(text="alex", what="key"): "g a",
    }

    for reach in (queries.REACH, 2):
        monkeypatch.setattr(queries, "REACH", reach)
        for asked, names in expected.items():
            found = all_pages(session, acme, asked)
            assert sorted(found) == sorted(names.replace(" ", "")), (asked, reach)
            assert found[:1] == list(names[:1]) or found[0] in "fe", asked
            assert filters.read(asked.query()) == asked
    assert all_pages(session, other, Filters()) == ["x"]


@on_both
def test_every_question_is_served_by_an_index(session, make, tell):
    """With few rows PostgreSQL would rather read them all: it is told not to."""
    acme = make.organisation()
    tell(acme, "key.issued", name="a")
    asked = [
        Filters(),
        Filters(person_id=THING),
        Filters(what="key.revoked"),
        Filters(what="key"),
        Filters(subject_id=THING),
        Filters(kind="operator"),
        Filters(text="x"),
        Filters(since=date(2026, 1, 1), until=date(2026, 12, 31)),
    ]
    statements = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *said: statements.append(said[2:4]))
    for one in asked:
        queries.page(session, acme.id, one, before=Cursor(acme.created_at + timedelta(days=9), THING), limit=5)
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        session.execute(text("SET LOCAL enable_seqscan = off"))
    for statement, values in [said for said in statements if "FROM audit_entry" in said[0]]:
        explain = "EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN "
        rows = session.connection().exec_driver_sql(explain + statement, values).all()
        plan = "\n".join(str(row) for row in rows)
        assert "SCAN audit_entry" not in plan, plan
        assert "Seq Scan on audit_entry" not in plan, plan
        assert "ix_audit_entry_organisation_id_" in plan, plan


@pytest.mark.parametrize(
    "query",
    [
        {"who": "nobody"},
        {"what": "key.eaten"},
        {"what": "."},
        {"since": "yesterday"},
        {"until": "9999-12-31"},
        {"since": "2026-11-02", "until": "2026-11-01"},
        {"text": "x" * 101},
        {"about": "1"},
    ],
)
def test_what_makes_no_sense_is_refused_in_words(query):
    with pytest.raises(Invalid):
        filters.read(query)


@given(text=st.text(max_size=60))
def test_a_cursor_is_ours_or_refused(text):
    try:
        found = filters.read_cursor(text)
    except Invalid:
        return
    assert found is None or str(found) == str(filters.read_cursor(str(found)))
