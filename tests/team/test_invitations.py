"""Inviting people, by mail and by link, and coming in by it."""

from sqlmodel import select

from app.core import mail_kinds
from app.core.audit import AuditEntry
from app.core.mail import Mail
from app.organisations import inviting
from app.organisations.invitation_models import Invitation
from app.organisations.models import Membership
from app.plans import services as plans
from tests.databases import on_both
from tests.plans import catalogues

MAIL = {"mail-email": "sam@example.com", "mail-role": "viewer", "mail-days": "7"}
LINK = {"link-role": "developer", "link-uses": "2", "link-days": "3"}


def path_in_mail(session):
    """Where the newest invitation by mail leads."""
    return session.exec(select(Mail).order_by(Mail.queued_at.desc())).first().context["path"]


def path_of_link(answer):
    return "/invitations/" + answer.text.split("/invitations/")[1].split()[0]


def roles_in(session, organisation):
    return {
        one.person_id: one.role for one in session.exec(select(Membership)) if one.organisation_id == organisation.id
    }


@on_both
def test_invitation_by_mail_brings_one_person_in(owner, outsider, sign_in, make, session, browse):
    owner.get("/organisation/members/invite")
    owner.post("/organisation/members/invite/mail", **MAIL)
    path = path_in_mail(session)
    assert "sam@example.com" in owner.get("/organisation/members/").text
    assert path.rpartition("/")[2] not in str(session.exec(select(Invitation)).one())

    stranger = browse.get(path)
    assert "Olive Owner invites you" in stranger.text
    assert f"next={path}" in stranger.html
    page = outsider.get(path)
    for words in ("Acme", "Viewer", "Otto Outsider", "otto@example.com"):
        assert words in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert outsider.post(path).location == "/home/"

    assert roles_in(session, owner.organisation)[outsider.person.id] == "viewer"
    assert "Settings of Acme" in outsider.get("/organisation/").text
    assert "used up" in sign_in(make.person("Late")).get(path, status=404).text
    assert "Used up" in owner.get("/organisation/members/invitations/").text


@on_both
def test_link_is_shown_once_and_good_for_so_many(owner, outsider, sign_in, make, session):
    owner.get("/organisation/members/invite")
    answer = owner.post("/organisation/members/invite/link", status=200, **LINK)
    path = path_of_link(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert path not in owner.get("/organisation/members/").html

    for somebody in (outsider, sign_in(make.person("Second"))):
        somebody.get(path)
        somebody.post(path)
    assert "You belong to it already" not in owner.get(path, status=404).text

    assert len(roles_in(session, owner.organisation)) == 3
    third = sign_in(make.person("Third"))
    third.get(path, status=404)
    third.post(path, status=404)


def test_who_belongs_to_it_already_is_told_and_counted_no_second_time(owner, member, session):
    owner.get("/organisation/members/invite")
    path = path_of_link(owner.post("/organisation/members/invite/link", status=200, **LINK))

    assert "You belong to it already" in member.get(path).text
    member.post(path, status=409)

    assert session.exec(select(Invitation)).one().uses == 0


def test_invitations_end_are_taken_back_and_sent_again(owner, outsider, session, hand):
    owner.get("/organisation/members/invite")
    owner.post("/organisation/members/invite/mail", **MAIL)
    first = path_in_mail(session)
    invitation = session.exec(select(Invitation)).one()
    hand.moves(minutes=5)
    owner.post(f"/organisation/members/invitations/{invitation.id}/again")
    assert "ten minutes" in owner.get("/organisation/members/").text
    hand.moves(minutes=10)
    invitation.expires_at = hand.now
    session.add(invitation)
    assert "is expired" in outsider.get(first, status=404).text
    assert "Expired" in owner.get("/organisation/members/").text

    owner.post(f"/organisation/members/invitations/{invitation.id}/again")
    second = path_in_mail(session)
    outsider.get(first, status=404)
    outsider.get(second)
    owner.post(f"/organisation/members/invitations/{invitation.id}/revoke")

    assert "is revoked" in outsider.get(second, status=404).text
    outsider.post(second, status=404)
    owner.post(f"/organisation/members/invitations/{invitation.id}/revoke", status=409)
    assert session.exec(select(Mail)).all() == [], "what was never sent never will be"


def test_who_wants_no_such_mail_is_not_said_to_be_invited(owner, session, hand):
    owner.get("/organisation/members/invite")
    owner.post("/organisation/members/invite/mail", **MAIL)
    again = f"/organisation/members/invitations/{session.exec(select(Invitation)).one().id}/again"
    for address in ("sam@example.com", "kim@example.com"):
        mail_kinds.refuse(session, address, "organisations", now=hand.now)
    hand.moves(minutes=15)

    other = {**MAIL, "mail-email": "Kim@example.com"}
    assert "Make a link instead" in owner.post("/organisation/members/invite/mail", status=422, **other).text
    owner.post(again)
    assert "Make a link instead" in owner.get("/organisation/members/").text
    assert len(session.exec(select(Mail)).all()) == len(session.exec(select(Invitation)).all()) == 1


def test_sending_again_counts_as_sending_and_ends_with_the_organisation(owner, sign_in, session, hand, monkeypatch):
    monkeypatch.setattr(inviting, "A_DAY", 2)
    owner.get("/organisation/members/invite")
    owner.post("/organisation/members/invite/mail", **MAIL)
    again = f"/organisation/members/invitations/{session.exec(select(Invitation)).one().id}/again"
    for _ in range(2):
        hand.moves(minutes=15)
        owner.post(again)
    assert "Go on tomorrow" in owner.get("/organisation/members/").text
    assert len(session.exec(select(AuditEntry).where(AuditEntry.action == inviting.SENT_AGAIN)).all()) == 1

    monkeypatch.setattr(inviting, "A_DAY", 3)
    sign_in(owner.person).post("/organisation/delete", name="Acme")
    owner.post(again)
    assert "is being deleted, so nobody can join it" in owner.get("/organisation/members/").text


def test_what_cannot_be_meant_is_said_at_its_field(owner, session):
    owner.get("/organisation/members/invite")
    for wrong, words in (
        ({"mail-email": "sam"}, "Give an e-mail address"),
        ({"mail-email": ""}, "Give their e-mail address"),
        ({"mail-role": "king"}, "A role is one of"),
        ({"mail-days": "31"}, "1 to 30 days"),
        ({"mail-days": "x"}, "1 to 30 days"),
    ):
        assert words in owner.post("/organisation/members/invite/mail", status=422, **{**MAIL, **wrong}).text
    for uses in ("0", "101", "x"):
        owner.post("/organisation/members/invite/link", status=422, **{**LINK, "link-uses": uses})
    assert session.exec(select(Invitation)).all() == []

    owner.post("/organisation/members/invite/mail", **MAIL)
    same = {**MAIL, "mail-email": "SAM@example.com"}
    assert "is invited already" in owner.post("/organisation/members/invite/mail", status=422, **same).text


def test_nobody_invites_beyond_their_own_role(owner, member, make, sign_in):
    admin = make.person("Ada Admin")
    make.membership(owner.organisation, admin, role="admin")
    browser = sign_in(admin)
    page = browser.get("/organisation/members/invite")
    assert 'value="admin"' in page.html
    assert 'value="owner"' not in page.html

    for role in ("owner", "OWNER"):
        browser.post("/organisation/members/invite/mail", status=422, **{**MAIL, "mail-role": role})
    browser.post("/organisation/members/invite/mail", **{**MAIL, "mail-role": "admin"})
    member.get("/organisation/members/invite", status=403)


def test_seats_are_respected_and_the_page_says_what_mends_it(owner, member, outsider, session, now):
    catalogues.apply(session, now=now)
    choice = catalogues.choice(session, "team", now=now, seats=3)
    plans.subscribe(session, organisation=owner.organisation, choice=choice, now=now)
    owner.get("/organisation/members/invite")
    path = path_of_link(owner.post("/organisation/members/invite/link", status=200, **LINK))
    owner.post("/organisation/members/invite/mail", **MAIL)

    refused = owner.post("/organisation/members/invite/mail", status=422, **{**MAIL, "mail-email": "kim@example.com"})
    assert "All 3 seats are taken or promised" in refused.text
    page = owner.get("/organisation/members/")
    assert page.page.links["/billing/plan"] == "Add seats"
    assert "Ask whoever pays" in member.get("/organisation/members/").text

    outsider.get(path)
    outsider.post(path)
    assert len(roles_in(session, owner.organisation)) == 3


def test_full_organisation_lets_nobody_more_in(owner, member, outsider, session, now):
    owner.get("/organisation/members/invite")
    path = path_of_link(owner.post("/organisation/members/invite/link", status=200, **LINK))
    catalogues.apply(session, now=now)
    plans.subscribe(
        session, organisation=owner.organisation, choice=catalogues.choice(session, "team", now=now), now=now
    )

    assert "There is no seat free" in outsider.get(path).text
    outsider.post(path, status=429)

    assert outsider.person.id not in roles_in(session, owner.organisation)


def test_newcomer_signs_up_through_the_invitation_and_lands_in_the_organisation(owner, browse, come_in, session):
    owner.get("/organisation/members/invite")
    path = path_of_link(owner.post("/organisation/members/invite/link", status=200, **LINK))

    back = come_in(browse, start=f"/sign-in/local?next={path}", subject="new", name="Nell New")
    assert back.location == path
    page = browse.get(path)
    assert "Join as Nell New" in page.text
    browse.post(path)

    assert "Settings of Acme" in browse.get("/organisation/").text
    assert "Nell New" in browse.get("/organisations/").text
