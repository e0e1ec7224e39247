"""The change feed hands out versions in order, without gaps, and only what was committed."""

from uuid import uuid4

from sqlmodel import Session

from app.core import changes


def test_changes_are_numbered_in_order(session, now):
    subjects = [uuid4() for _ in range(3)]

    for subject in subjects:
        changes.record(session, kind="key", subject_id=subject, now=now)

    assert [(c.version, c.subject_id) for c in changes.since(session, 0)] == list(enumerate(subjects, start=1))
    assert changes.newest(session) == 3


def test_since_leaves_out_what_was_already_read(session, now):
    for _ in range(5):
        changes.record(session, kind="key", subject_id=uuid4(), now=now)

    assert [c.version for c in changes.since(session, 3)] == [4, 5]
    assert [c.version for c in changes.since(session, 0, limit=2)] == [1, 2]


def test_a_rolled_back_change_leaves_no_gap(engine, now):
    with Session(engine) as first:
        changes.record(first, kind="key", subject_id=uuid4(), now=now)
        first.rollback()
    with Session(engine) as second:
        changes.record(second, kind="key", subject_id=uuid4(), now=now)
        second.commit()

        assert [c.version for c in changes.since(second, 0)] == [1]
