"""The rules for admin keys, whoever asks."""

import pytest

from app.api import services
from app.core.errors import Conflict, Invalid, LimitReached, NotAllowed
from app.organisations import roles


@pytest.fixture
def issue(make, session, now):
    organisation, person = make.organisation(), make.person()

    def go(**other):
        usual = {"name": "deploy", "role": "viewer", "makers_role": "owner", "expires_at": None}
        given = {"organisation": organisation, "brand": "pst", "person_id": person.id, "now": now, **usual, **other}
        return services.issue(session, **given)[0]

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
    keys = [issue() for _ in range(services.MOST)]
    with pytest.raises(LimitReached):
        issue()

    services.revoke(session, key=keys[0], person_id=keys[0].created_by_id, now=now)

    assert issue().name == "deploy"
    with pytest.raises(Conflict):
        services.revoke(session, key=keys[0], person_id=keys[0].created_by_id, now=now)
