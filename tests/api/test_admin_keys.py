"""The rules for admin keys, whoever asks."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.api import ending
from app.core.errors import Conflict, Invalid, LimitReached, NotAllowed
from app.core.mail import Mail
from app.keys import admin_keys
from app.organisations import roles
from app.organisations.models import Organisation


@pytest.fixture
def issue(make, session, now):
    organisation, person = make.organisation(), make.person()

    def go(**other):
        usual = {"name": "deploy", "role": "viewer", "makers_role": "owner", "expires_at": None}
        given = {"organisation": organisation, "brand": "pst", "person_id": person.id, "now": now, **usual, **other}
        return admin_keys.issue(session, **given)[0]

    return go


@pytest.mark.parametrize("makers_role", roles.PERMISSIONS)
def test_no_admin_key_may_do_more_than_its_maker(issue, makers_role):
    for role in roles.PERMISSIONS:
        if roles.covers(makers_role, role):
            assert issue(role=role, makers_role=makers_role).role == role
        else:
            with pytest.raises(NotAllowed):
                issue(role=role, makers_role=makers_role)
    with pytest.raises(NotAllowed):
        issue(role="emperor", makers_role=makers_role)


def test_names_ends_and_numbers_have_bounds(issue, session, now):
    for wrong in ({"name": " "}, {"name": "x" * 81}, {"expires_at": now}):
        with pytest.raises(Invalid):
            issue(**wrong)
    keys = [issue() for _ in range(admin_keys.MOST)]
    with pytest.raises(LimitReached):
        issue()

    admin_keys.revoke(session, key=keys[0], person_id=keys[0].created_by_id, now=now)

    assert issue().name == "deploy"
    with pytest.raises(Conflict):
        admin_keys.revoke(session, key=keys[0], person_id=keys[0].created_by_id, now=now)


def test_its_maker_and_who_may_make_one_get_mail_before_it_ends(issue, make, session, now):
    key = issue(expires_at=now + timedelta(days=20))
    maker = make.person(email="maker@example.com")
    key.created_by_id, organisation_id = maker.id, key.organisation_id
    for role in ("owner", "admin", "developer"):
        person = make.person(role, email=f"{role}@example.com")
        make.membership(session.get_one(Organisation, organisation_id), person, role=role)
    make.membership(session.get_one(Organisation, organisation_id), maker, role="viewer")
    admin_keys.revoke(session, key=issue(expires_at=key.expires_at), person_id=maker.id, now=now)

    told = {day: ending.tell_due(session, now=now + timedelta(days=day, hours=1)) for day in range(21)}

    assert {day: count for day, count in told.items() if count} == {6: 3, 17: 3, 19: 3}
    assert {one.recipient for one in session.exec(select(Mail))} == {
        "owner@example.com",
        "admin@example.com",
        "maker@example.com",
    }
