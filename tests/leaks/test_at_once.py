"""The same find reported by many at once is one row and one deed, on both databases; and no report waits for ever."""

from concurrent.futures import ThreadPoolExecutor

from sqlmodel import Session, select

from app.core.audit import AuditEntry
from app.keys import lookup, rotation
from app.keys.models import Key
from app.keys.rotation import Overlap
from app.leaks import models, services
from app.leaks.models import LeakFind, LeakUnknown
from app.leaks.reports import Report
from tests.waiting import PATIENCE_S

ROUNDS = 4
AT_ONCE = 4


def test_parallel_reports_act_once_and_in_any_order(engine, session, make, now):
    secrets = []
    keys = [make.key(name=f"key {number}", secret=secrets) for number in range(6)]
    session.commit()

    def send(number):
        """Some in one order, some in the other, each with a place of its own beside the one that all have."""
        found = [Report(secret, "commit", place) for secret in secrets for place in ("here", f"there {number}")]
        with Session(engine) as own, own.begin():
            services.take_in(
                own, [*found[:: -1 if number % 2 else 1], Report("x", "npm", "")], reporter="github", now=now
            )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(send, range(ROUNDS * AT_ONCE), timeout=PATIENCE_S))

    finds = session.exec(select(LeakFind)).all()
    assert len(finds) == len(keys) * (1 + ROUNDS * AT_ONCE)
    assert sorted(one.did for one in finds if one.is_alarm) == [models.REVOKED] * len(keys)
    revoked = session.exec(select(AuditEntry).where(AuditEntry.action == "key.revoked")).all()
    assert sorted(one.subject_id for one in revoked) == sorted(key.id for key in keys)
    assert session.exec(select(LeakUnknown)).one().count == ROUNDS * AT_ONCE


def test_key_that_is_rotated_while_its_secret_is_reported_keeps_its_new_one(engine, session, make, now, monkeypatch):
    secrets = []
    key = make.key(secret=secrets)
    session.commit()
    look_up = lookup.by_digests

    def then_rotate(own, digests):
        found = look_up(own, digests)
        own.commit()
        with Session(engine) as other, other.begin():
            rotation.rotate(
                other, key=other.get_one(Key, key.id), overlap=Overlap(hours=1), brand="pst", person_id=None, now=now
            )
        return found

    monkeypatch.setattr(lookup, "by_digests", then_rotate)
    [find] = services.take_in(session, [Report(secrets[0], "commit", "")], reporter="github", now=now).finds

    assert find.did == models.ENDED
    assert not key.is_revoked
    assert rotation.working_secrets(session, key, now=now) == []
