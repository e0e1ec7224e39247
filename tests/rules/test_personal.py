"""What is kept of people was thought about: each column of it is exported and erased, or stays for a reason."""

import app.jobs
import app.portal
from app.admin.personal import DECISIONS
from app.core import db

assert app.jobs
assert app.portal

WORDS = {
    *(
        "person",
        "email",
        "mail",
        "phone",
        "recipient",
        "address",
        "client",
        "agent",
        "actor",
        "user",
        "owner",
        "author",
    ),
    *("reporter", "label", "context", "payload", "body", "details", "by"),
}
"""Parts of names of columns that are about somebody, or may hold anything that was said of somebody."""
ALSO = {
    *("person.name", "identity.subject", "audit_entry.subject_id", "browser_session.data", "organisation.name"),
    *("organisation.slug", "former_slug.slug", "organisation_note.words", "organisation.stopped_words"),
}
"""Columns whose names do not say it."""


def is_about_people(column):
    refers = any(key.target_fullname == "person.id" for key in column.foreign_keys)
    return refers or bool(WORDS & set(column.name.split("_")))


def about_people():
    columns = [column for table in db.metadata.tables.values() for column in table.columns]
    return {f"{one.table.name}.{one.name}" for one in columns if is_about_people(one)} | ALSO


def test_each_column_about_people_is_decided_upon():
    undecided = sorted(about_people() - DECISIONS.keys())

    assert undecided == [], "say in app/admin/personal.py what an export and an erasure do with it, and have them do it"


def test_no_decision_is_about_a_column_that_is_gone():
    assert sorted(DECISIONS.keys() - about_people()) == []
