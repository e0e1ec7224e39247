"""Members: what each may see, give and take, and that keys stay whoever goes."""

import pytest
from sqlmodel import select

from app.organisations import inviting, members, queries
from app.organisations.acting import Actor
from app.organisations.invitation_models import FormerMember
from app.organisations.inviting import Terms
from app.organisations.models import Membership
from tests.databases import on_both


def role_of(session, browser, organisation):
    found = session.get(Membership, (organisation.id, browser.person.id))
    return found and found.role


def path(browser, act=""):
    return f"/organisation/members/{browser.person.id}{act}"


@pytest.fixture
def admin(owner, make, sign_in):
    person = make.person("Ada Admin", email="ada@example.com")
    make.membership(owner.organisation, person, role="admin")
    return sign_in(person, owner.organisation)


def test_list_shows_everybody_with_role_and_when_they_were_here(owner, member, hand):
    page = owner.get("/organisation/members/").text
    assert "Max Member" in page
    assert "Not yet" in page

    member.get("/home/")
    hand.moves(hours=3)

    assert "3 h ago" in owner.get("/organisation/members/").text
    assert "Invite people" not in member.get("/organisation/members/").text
    member.get(path(owner))


@on_both
def test_roles_change_at_once(owner, member, session):
    owner.get(path(member))
    owner.post(path(member, "/role"), role="viewer")

    member.get("/keys/new", status=403)
    assert "Viewer" in member.get(path(member)).text
    owner.post(path(member, "/role"), role="king", status=422)
    member.post(path(owner, "/role"), role="viewer", status=403)


def test_admin_touches_no_owner_and_makes_none(owner, member, admin, session):
    page = admin.get(path(owner))
    assert "Only an owner can change an owner" in page.text
    assert "Take them out" not in page.text

    admin.post(path(owner, "/role"), role="viewer", status=403)
    admin.post(path(owner, "/remove"), status=403)
    admin.post(path(member, "/role"), role="owner", status=403)
    admin.post(path(admin, "/role"), role="owner", status=403)
    admin.post(path(member, "/role"), role="admin")

    assert role_of(session, member, owner.organisation) == "admin"
    assert role_of(session, owner, owner.organisation) == "owner"


def test_last_owner_stays_one(owner, member, session):
    owner.get(path(owner))
    owner.post(path(owner, "/role"), role="viewer")
    assert "left without an owner" in owner.get("/organisation/members/").text
    owner.post(path(owner, "/remove"))
    assert role_of(session, owner, owner.organisation) == "owner"

    owner.post(path(member, "/role"), role="owner")
    owner.post(path(owner, "/role"), role="viewer")

    assert role_of(session, owner, owner.organisation) == "viewer"


@on_both
def test_who_is_taken_out_sees_nothing_more_and_keys_stay(owner, member, make, session):
    key = make.key(owner.organisation, person_id=member.person.id)
    question = owner.get(path(member, "/remove"))
    assert "1 key of theirs belongs to Acme and keeps working" in question.text

    owner.post(path(member, "/remove"))

    assert member.get("/keys/", status=303).location == "/organisations/"
    session.refresh(key)
    assert not key.is_revoked
    assert key.is_enabled
    assert session.get(FormerMember, (owner.organisation.id, member.person.id)) is not None
    owner.get(path(member), status=404)


def test_keys_count_for_whose_they_are_and_while_they_work(owner, member, make, now):
    def theirs(**terms):
        return make.key(owner.organisation, person_id=member.person.id, **terms)

    theirs()
    theirs().owner_id = owner.person.id
    handed = make.key(owner.organisation, person_id=owner.person.id)
    handed.owner_id = member.person.id
    for terms in ({"revoked_at": now}, {"expires_at": now}, {"is_enabled": False}):
        theirs(**terms)

    shown = owner.get(path(member))

    assert "Their keys2 that work" in shown.text
    assert f"/keys/?owner={member.person.id}" in shown.page.links


def test_invitation_brings_back_who_was_taken_out(owner, member, session, now):
    owner.get(path(member))
    owner.post(path(member, "/remove"))
    _, token = inviting.by_link(
        session, organisation=owner.organisation, on=Terms("viewer"), by=Actor(None, "deploy", "owner"), now=now
    )

    member.get(f"/invitations/{token}")
    member.post(f"/invitations/{token}")

    assert role_of(session, member, owner.organisation) == "viewer"
    assert session.exec(select(FormerMember)).all() == []


@on_both
def test_list_is_paged_widest_role_first(owner, make, session):
    for number in range(60):
        make.membership(
            owner.organisation, make.person(f"Person {number:02}"), role="viewer" if number % 2 else "admin"
        )

    first = members.of(session, owner.organisation, limit=50)
    second = members.of(session, owner.organisation, limit=50, offset=50)

    assert [one.membership.role for one in first] == ["owner"] + ["admin"] * 30 + ["viewer"] * 19
    assert len(second) == 11
    assert queries.count_members(session, owner.organisation) == 61
    assert owner.get("/organisation/members/?page=2").text.count("Person ") == 11
