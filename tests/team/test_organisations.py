"""Making organisations, going from one to another, and what each is called."""

from sqlmodel import select

from app.core.mail import Mail
from app.organisations import queries
from app.organisations.models import FormerSlug, Membership, Organisation
from app.plans.models import Subscription
from tests.databases import on_both
from tests.plans import catalogues

SETTINGS = {"name": "Acme Research", "slug": "acme-research", "billing_email": ""}


@on_both
def test_one_more_organisation_is_made_owned_and_shown(owner, session, make):
    owner.get("/organisations/new")
    assert "Give the organisation a name" in owner.post("/organisations/", name=" ", status=422).text

    assert owner.post("/organisations/", name="  Night  Shift ").location == "/organisation/"

    page = owner.get("/organisation/")
    made = session.exec(select(Organisation).where(Organisation.slug == "night-shift")).one()
    assert (made.name, made.is_personal) == ("Night Shift", False)
    assert session.get(Membership, (made.id, owner.person.id)).role == "owner"
    assert "Settings of Night Shift" in page.text
    listed = owner.get("/organisations/").text
    assert "Acme" in listed
    assert "Night Shift" in listed


def test_new_organisation_begins_on_the_default_plan(owner, session, now):
    catalogues.apply(session, now=now)

    owner.post("/organisations/", name="Night Shift")

    made = session.exec(select(Organisation).where(Organisation.slug == "night-shift")).one()
    assert session.exec(select(Subscription).where(Subscription.organisation_id == made.id)).one().state == "active"


def test_switcher_leads_from_one_to_another_and_to_nobody_elses(owner, outsider, make):
    other = make.organisation("Second <b>", owner=owner.person)
    page = owner.get("/home/")
    assert page.page.form("/organisations/switch").method == "post"
    assert "Second <b>" in page.text

    assert owner.post("/organisations/switch", organisation_id=str(other.id)).location == "/home/"

    assert "Settings of Second <b>" in owner.get("/organisation/").text
    for wrong in (str(outsider.organisation.id), "", "7"):
        owner.post("/organisations/switch", organisation_id=wrong, status=404)
    assert "Settings of Second <b>" in owner.get("/organisation/").text


def test_who_belongs_to_no_organisation_is_offered_one(sign_in, make):
    nobody = sign_in(make.person("Nora Nowhere"))

    assert nobody.get("/keys/", status=303).location == "/organisations/"
    assert "You belong to no organisation" in nobody.get("/organisations/").text
    nobody.get("/account")
    nobody.post("/organisations/", name="Nora’s")
    nobody.get("/keys/")


def test_settings_change_the_name_the_slug_and_where_bills_go(owner, session):
    was = owner.organisation.slug
    owner.get("/organisation/")

    owner.post("/organisation/", **{**SETTINGS, "billing_email": "bills@example.com"})

    session.refresh(owner.organisation)
    found = owner.organisation
    assert (found.name, found.slug, found.billing_email) == ("Acme Research", "acme-research", "bills@example.com")
    assert queries.by_slug(session, was) == found
    page = owner.get("/organisation/").text
    assert "1, of whom 1 owns it" in page
    assert "22 Nov 2026" in page


def test_former_slug_stays_its_own_and_can_be_taken_back(owner, outsider, session):
    was = owner.organisation.slug
    for one in (owner, outsider):
        one.get("/organisation/")
    owner.post("/organisation/", **SETTINGS)

    taken = outsider.post("/organisation/", **{**SETTINGS, "slug": was}, status=422)
    also = outsider.post("/organisation/", **SETTINGS, status=422)
    owner.post("/organisation/", **{**SETTINGS, "slug": was})

    assert "is taken, or was" in taken.text
    assert "is taken, or was" in also.text
    session.refresh(owner.organisation)
    session.refresh(outsider.organisation)
    assert (owner.organisation.slug, outsider.organisation.name) == (was, "Other")
    assert [one.slug for one in session.exec(select(FormerSlug))] == ["acme-research"]


def test_settings_that_cannot_be_meant_change_nothing(owner, session):
    owner.get("/organisation/")
    for wrong, words in (
        ({"slug": "Acme Research!"}, "small letters"),
        ({"slug": "-acme"}, "small letters"),
        ({"billing_email": "nobody"}, "Give an e-mail address"),
        ({"name": "\u200b"}, "Give the organisation a name"),
    ):
        assert words in owner.post("/organisation/", **{**SETTINGS, **wrong}, status=422).text

    session.refresh(owner.organisation)
    assert owner.organisation.name == "Acme"


def test_members_see_the_settings_but_change_none(member):
    page = member.get("/organisation/")

    assert [form.action for form in page.page.forms if form.action.startswith("/organisation/")] == []
    member.post("/organisation/", **SETTINGS, status=403)


def test_ownership_goes_to_a_member_who_is_told(owner, member, outsider, session):
    owner.get("/organisation/transfer")
    owner.post("/organisation/transfer", person_id=str(outsider.person.id), status=404)
    owner.post("/organisation/transfer", person_id=str(owner.person.id), status=409)

    owner.post("/organisation/transfer", person_id=str(member.person.id))

    role_of = {
        one.person_id: one.role
        for one in session.exec(select(Membership))
        if one.organisation_id == owner.organisation.id
    }
    assert role_of == {owner.person.id: "admin", member.person.id: "owner"}
    [letter] = session.exec(select(Mail))
    assert (letter.recipient, letter.template) == ("max@example.com", "organisation_transferred")
    owner.post("/organisation/transfer", person_id=str(member.person.id), status=403)


def test_last_owner_cannot_leave_and_is_told_what_to_do(owner, member, session):
    assert "You are its only owner" in owner.get("/organisation/leave").text
    owner.post("/organisation/leave")
    assert "would be left without an owner" in owner.get("/organisation/leave").text

    member.get("/organisation/leave")
    member.post("/organisation/leave")

    assert [one.person_id for one in session.exec(select(Membership))] == [owner.person.id]
    assert member.get("/keys/", status=303).location == "/organisations/"
