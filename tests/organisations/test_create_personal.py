"""A person's own organisation: an address of its own, whatever the name."""

import re

import pytest
from sqlmodel import select

from app.core.errors import NotFound
from app.organisations import queries, services
from app.organisations.models import Membership


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Alex Mason", "alex-mason"),
        ("  Zoë  O’Brien-Łukasz ", "zoe-obrien-ukasz"),
        ("山田太郎", "personal"),
        ("../..", "personal"),
        ("a" * 100, "a" * 32),
        ("a" * 31 + " b", "a" * 31),
    ],
)
def test_slug_comes_from_the_name(session, make, now, name, slug):
    organisation = services.create_personal(session, person=make.person(name), now=now)

    assert organisation.slug == slug
    assert organisation.name == name
    assert organisation.is_personal


def test_person_is_its_owner(session, make, now):
    person = make.person()

    organisation = services.create_personal(session, person=person, now=now)

    [membership] = session.exec(select(Membership))
    assert (membership.person_id, membership.organisation_id, membership.role) == (person.id, organisation.id, "owner")
    found = queries.membership_of(session, person.id)
    assert found == (organisation, membership)


def test_second_of_a_name_gets_a_slug_of_its_own(session, make, now):
    slugs = [services.create_personal(session, person=make.person(), now=now).slug for _ in range(3)]

    assert slugs[0] == "alex-mason"
    assert all(re.fullmatch(r"alex-mason-[0-9a-f]{4}", slug) for slug in slugs[1:])
    assert len(set(slugs)) == 3


def test_preferred_organisation_is_chosen_only_if_the_person_belongs_to_it(session, make):
    person = make.person()
    first, second, foreign = (
        make.organisation("A", owner=person),
        make.organisation("B", owner=person),
        make.organisation(),
    )

    assert queries.membership_of(session, person.id, preferred=second.id)[0] == second
    assert queries.membership_of(session, person.id, preferred=first.id)[0] == first
    assert queries.membership_of(session, person.id, preferred=foreign.id)[0] in (first, second)


def test_organisation_is_found_by_slug(session, make):
    organisation = make.organisation()

    assert queries.by_slug(session, organisation.slug) == organisation
    with pytest.raises(NotFound, match="nobody"):
        queries.by_slug(session, "nobody")
