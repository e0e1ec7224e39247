"""A key gets a new secret and stays the key that it is; the old secret goes on for as long as was chosen."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.core import changes, crypto, errors
from app.core.audit import AuditEntry
from app.keys import lifetimes, queries, rotation, seen, services
from app.keys.models import EXPIRED, KeySecret
from app.keys.rotation import NOW, Overlap
from app.keys.seen_models import KeySighting, SecretUse
from tests.databases import on_one


def rotate(session, key, now, overlap=NOW, **more):
    return rotation.rotate(session, key=key, overlap=overlap, brand="pst", person_id=None, now=now, **more)


def told(session, action):
    return session.exec(select(AuditEntry).where(AuditEntry.action == action)).all()


def test_the_key_stays_and_its_secret_changes(session, make, now):
    old = []
    key = make.key(scopes=None, networks=("10.0.0.0/8",), expires_at=now + timedelta(days=30), secret=old)
    before, hint, version = key.model_dump(), key.hint, changes.newest(session)

    issued = rotate(session, key, now, Overlap(hours=24))

    after = key.model_dump()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"prefix", "last_four", "digest", "rotated_at"}
    assert key.digest == crypto.digest(issued.secret) != before["digest"]
    [earlier] = rotation.secrets_of(session, key)
    assert (earlier.digest, earlier.hint, earlier.created_at) == (crypto.digest(old[0]), hint, before["created_at"])
    assert earlier.retires_at == now + timedelta(days=1)
    assert rotation.rotating(session, [key.id], now=now) == {key.id}
    assert rotation.rotating(session, [key.id], now=earlier.retires_at) == set()
    assert [(change.kind, change.subject_id) for change in changes.since(session, version)] == [("key", key.id)]
    [entry] = told(session, "key.rotated")
    assert entry.details["secret"] == f"{hint} → {key.hint}"
    assert entry.details["overlap"] == "1 day"
    assert issued.secret not in str(entry.details)
    assert queries.by_hint(session, old[0]).id == queries.by_hint(session, issued.secret).id == key.id


def test_no_overlap_ends_every_earlier_secret(session, make, now):
    key = make.key()
    rotate(session, key, now, Overlap(hours=24))
    rotate(session, key, now, Overlap(quiet_hours=3))
    assert len(rotation.working_secrets(session, key, now=now)) == 2

    rotate(session, key, now)

    assert rotation.working_secrets(session, key, now=now) == []
    assert [one.ended_at for one in rotation.secrets_of(session, key)] == [now] * 3


def test_an_earlier_secret_can_be_ended_before_its_time_and_once(session, make, now):
    key = make.key()
    rotate(session, key, now, Overlap(hours=24))
    [earlier] = rotation.working_secrets(session, key, now=now)

    rotation.end_overlap(session, key=key, secret=earlier, person_id=None, now=now)

    assert not earlier.works_at(now)
    assert told(session, "key.secret_ended")[0].details["secret"] == earlier.hint
    with pytest.raises(errors.Conflict, match="does not work any more"):
        rotation.end_overlap(session, key=key, secret=earlier, person_id=None, now=now)
    with pytest.raises(errors.NotFound):
        rotation.secret_of(session, make.key(), earlier.id)


@pytest.mark.parametrize(
    "overlap", [Overlap(hours=-1), Overlap(hours=721), Overlap(quiet_hours=0), Overlap(quiet_hours=721)]
)
def test_an_overlap_has_bounds(session, make, now, overlap):
    with pytest.raises(errors.Invalid, match="hours"):
        rotate(session, make.key(), now, overlap)


def test_dead_keys_are_not_rotated_and_few_secrets_work_at_once(session, make, now):
    for key in (make.key(revoked_at=now), make.key(expires_at=now)):
        with pytest.raises(errors.Conflict):
            rotate(session, key, now)
    key = make.key()
    for _ in range(rotation.AT_ONCE):
        rotate(session, key, now, Overlap(hours=1))
    with pytest.raises(errors.Conflict, match="still work"):
        rotate(session, key, now, Overlap(hours=1))
    rotate(session, key, now)


def test_two_who_rotate_at_once_do_not_both_succeed(session, make, now):
    key = make.key()
    session.add(
        KeySecret(
            key_id=key.id,
            digest=key.digest,
            prefix="p",
            last_four="0000",
            created_at=now,
            replaced_at=now,
            ended_at=now,
        )
    )
    session.flush()

    with pytest.raises(errors.Conflict, match="same moment"):
        rotate(session, key, now)


def use(session, key, secret, at):
    session.add(
        SecretUse(
            key_id=key.id,
            used_on=at.date(),
            secret=seen.secret_id(secret.digest),
            calls=1,
            last_at=at,
            address="",
            client="",
        )
    )
    session.flush()


def test_quiet_is_counted_from_the_last_use_and_retires_once(session, make, now):
    key = make.key()
    rotate(session, key, now, Overlap(quiet_hours=6))
    [earlier] = rotation.working_secrets(session, key, now=now)
    use(session, key, earlier, now + timedelta(hours=5))
    version = changes.newest(session)

    assert rotation.retire_due(session, now=now + timedelta(hours=10, minutes=59)) == 0
    later = now + timedelta(hours=11) + seen.LATE
    assert rotation.retire_due(session, now=later) == 1
    assert rotation.retire_due(session, now=later) == 0

    assert (earlier.ended_at, earlier.works_at(later)) == (later, False)
    assert len(changes.since(session, version)) == 1
    [entry] = told(session, "key.secret_retired")
    assert entry.details["why"] == "it was not used for 6 hours"


def test_what_was_never_used_retires_after_the_quiet_and_what_has_a_time_at_its_time(session, make, now):
    quiet, timed, revoked = make.key(), make.key(), make.key()
    rotate(session, quiet, now, Overlap(quiet_hours=1))
    rotate(session, timed, now, Overlap(hours=1))
    rotate(session, revoked, now, Overlap(hours=700))
    services.revoke(session, key=revoked, person_id=None, now=now)

    assert rotation.retire_due(session, now=now + timedelta(hours=1) + seen.LATE) == 3

    ended = {one.key_id: one.ended_at for one in session.exec(select(KeySecret))}
    assert ended[timed.id] == now + timedelta(hours=1)
    assert ended[quiet.id] == now + timedelta(hours=1) + seen.LATE


def test_a_maximum_lifetime_counts_from_the_secret_and_cannot_be_stretched(session, make, now):
    organisation = make.organisation("Acme")
    forever = make.key(organisation)
    lifetimes.set_longest(session, organisation=organisation, days=90, person_id=None, now=now)
    assert lifetimes.offered(90) == [7, 30, 60, 90]
    assert lifetimes.offered(45) == [7, 30, 45]
    assert lifetimes.offered(None) == list(lifetimes.PRESETS)

    def issue(days):
        on = services.Terms(expires_at=None if days is None else now + timedelta(days=days))
        return services.issue(
            session, organisation=organisation, name="ci", brand="pst", on=on, person_id=None, now=now
        ).key

    for days in (None, 91):
        with pytest.raises(errors.Invalid, match="90 days at most"):
            issue(days)
    key = issue(90)
    to = services.Terms(expires_at=now + timedelta(days=100))
    with pytest.raises(errors.Invalid, match="rotate the key"):
        services.change(session, key=key, to=to, person_id=None, now=now + timedelta(days=50))
    with pytest.raises(errors.Invalid, match="90 days at most"):
        rotate(session, forever, now)

    rotate(session, key, now + timedelta(days=50), expires_at=now + timedelta(days=140))
    rotate(session, forever, now, expires_at=now + timedelta(days=90))
    assert key.expires_at == now + timedelta(days=140)
    assert told(session, "key_policy.changed")[0].details["longest lifetime"] == "no maximum → 90 days"
    with pytest.raises(errors.Conflict):
        lifetimes.set_longest(session, organisation=organisation, days=90, person_id=None, now=now)
    for days in (0, 3651):
        with pytest.raises(errors.Invalid):
            lifetimes.set_longest(session, organisation=organisation, days=days, person_id=None, now=now)


def test_old_uses_and_crowds_of_sightings_are_cleared_away(session, make, now):
    key, long_ago = make.key(), now - seen.KEPT - timedelta(days=1)
    rotate(session, key, long_ago)
    rotate(session, key, now)
    use(session, key, key, long_ago)
    use(session, key, key, now)
    for number in range(seen.SIGHTINGS_KEPT + 10):
        at = now - timedelta(minutes=number)
        session.add(KeySighting(key_id=key.id, address=f"192.0.2.{number}", client="", first_at=at, last_at=at))
    session.flush()

    assert seen.tidy(session, now=now) == 12

    kept = seen.sightings_of(session, key.id, limit=100)
    assert len(kept) == seen.SIGHTINGS_KEPT
    assert kept[0].address == "192.0.2.0"
    assert len(rotation.secrets_of(session, key)) == 1
    assert seen.tidy(session, now=now) == 0


def test_an_expired_key_is_not_rotated_into_life(session, make, now):
    key = make.key(expires_at=now - timedelta(days=1))
    assert key.state_at(now) == EXPIRED

    with pytest.raises(errors.Conflict, match="expired"):
        rotate(session, key, now, Overlap(hours=1))


@on_one
@pytest.mark.parametrize("overlap", [Overlap(hours=7 * 24), Overlap(quiet_hours=24)])
def test_no_overlap_lets_a_secret_outlive_what_the_organisation_allows(session, make, now, overlap):
    organisation = make.organisation()
    key = make.key(organisation)
    made_at = key.secret_made_at
    lifetimes.set_longest(session, organisation=organisation, days=30, person_id=None, now=made_at)
    later, end = made_at + timedelta(days=28), made_at + timedelta(days=30)

    rotate(session, key, later, overlap, expires_at=later + timedelta(days=30))

    [earlier] = rotation.working_secrets(session, key, now=end - timedelta(seconds=1))
    assert earlier.retires_at == end
    assert told(session, "key.rotated")[0].details["overlap"].endswith(" at most")
    use(session, key, earlier, end)
    assert rotation.working_secrets(session, key, now=end) == []
    assert (rotation.retire_due(session, now=end), earlier.ended_at) == (1, end)


@on_one
def test_secret_older_than_the_bound_goes_on_for_as_long_from_when_that_was_set(session, make, now):
    organisation = make.organisation()
    key = make.key(organisation)
    key.created_at = now - timedelta(days=400)
    lifetimes.set_longest(session, organisation=organisation, days=5, person_id=None, now=now)

    rotate(session, key, now, Overlap(hours=7 * 24), expires_at=now + timedelta(days=5))

    assert rotation.secrets_of(session, key)[0].retires_at == now + timedelta(days=5)
