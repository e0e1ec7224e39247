"""Who belongs to the organisation, and who is invited: by the same services as the pages."""

from uuid import UUID

from app.api import cursors
from app.api import queries as lists
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.member_schemas import (
    InvitationAsked,
    InvitationMade,
    InvitationPage,
    InvitationTold,
    MemberChanged,
    MemberPage,
    MemberTold,
)
from app.api.schemas import Paging
from app.core.errors import Invalid
from app.organisations import inviting, members
from app.organisations.invitation_models import Invitation
from app.organisations.inviting import Terms
from app.organisations.members import Member
from app.team import seating

MEMBER = "/members/<uuid:person_id>"
INVITATIONS = "/invitations"
INVITATION = f"{INVITATIONS}/<uuid:invitation_id>"


@endpoint("GET", "/members", "members:read", "List members", query=Paging, answer=MemberPage)
def list_members(query: Paging) -> MemberPage:
    found = lists.members_after(
        current.session, current.organisation, after=cursors.read(query.cursor), limit=query.limit + 1
    )
    shown, following = cursors.cut(found, query.limit, lambda one: (one.membership.joined_at, one.person.id))
    return MemberPage(items=[_member(one) for one in shown], next_cursor=following)


@endpoint("GET", MEMBER, "members:read", "One member", answer=MemberTold)
def get_member(person_id: UUID) -> MemberTold:
    return _member(members.one(current.session, current.organisation, person_id))


@endpoint("PATCH", MEMBER, "members:write", "Give a member another role", body=MemberChanged, answer=MemberTold)
def change_member(person_id: UUID, body: MemberChanged) -> MemberTold:
    found = members.one(current.session, current.organisation, person_id)
    if body.role is not None:
        members.change_role(
            current.session,
            organisation=current.organisation,
            member=found,
            role=body.role,
            by=current.actor,
            now=current.now,
        )
    return _member(found)


@endpoint("DELETE", MEMBER, "members:write", "Take a member out; keys stay", status=204)
def remove_member(person_id: UUID) -> None:
    found = members.one(current.session, current.organisation, person_id)
    members.remove(current.session, organisation=current.organisation, member=found, by=current.actor, now=current.now)


@endpoint("GET", INVITATIONS, "members:write", "List invitations", query=Paging, answer=InvitationPage)
def list_invitations(query: Paging) -> InvitationPage:
    found = lists.invitations_after(
        current.session, current.organisation, after=cursors.read(query.cursor), limit=query.limit + 1
    )
    shown, following = cursors.cut(found, query.limit, lambda one: (one.created_at, one.id))
    return InvitationPage(items=[_invitation(one) for one in shown], next_cursor=following)


@endpoint(
    "POST", INVITATIONS, "members:write", "Invite somebody, by mail or by a link",
    body=InvitationAsked, answer=InvitationMade, status=201,
)  # fmt: skip
def create_invitation(body: InvitationAsked) -> InvitationMade:
    session, organisation = current.session, current.organisation
    if body.email and body.uses > 1:
        raise Invalid("A mail is for one person. Leave out “email” for a link that several can use.")
    seats = seating.of(session, organisation, now=current.now).most
    on = Terms(role=body.role, days=body.days, uses=body.uses, seats=seats)
    if body.email:
        made = inviting.by_mail(
            session, organisation=organisation, email=body.email, on=on, by=current.actor, now=current.now
        )
        return _made(made, "")
    made, token = inviting.by_link(session, organisation=organisation, on=on, by=current.actor, now=current.now)
    return _made(made, token)


@endpoint("GET", INVITATION, "members:write", "One invitation", answer=InvitationTold)
def get_invitation(invitation_id: UUID) -> InvitationTold:
    return _invitation(inviting.one(current.session, current.organisation, invitation_id))


@endpoint("POST", f"{INVITATION}/again", "members:write", "Send an invitation again", answer=InvitationMade)
def send_invitation_again(invitation_id: UUID) -> InvitationMade:
    found = inviting.one(current.session, current.organisation, invitation_id)
    token = inviting.again(
        current.session, organisation=current.organisation, invitation=found, by=current.actor, now=current.now
    )
    return _made(found, token)


@endpoint("POST", f"{INVITATION}/revoke", "members:write", "Take an invitation back", answer=InvitationTold)
def revoke_invitation(invitation_id: UUID) -> InvitationTold:
    found = inviting.one(current.session, current.organisation, invitation_id)
    inviting.revoke(current.session, invitation=found, by=current.actor, now=current.now)
    return _invitation(found)


def _made(made: Invitation, token: str) -> InvitationMade:
    """Whoever gets mail has the link from there alone."""
    url = f"{current.settings.portal_url}/invitations/{token}" if made.is_link else None
    return InvitationMade(invitation=_invitation(made), url=url)


def _member(found: Member) -> MemberTold:
    person, membership = found
    return MemberTold(
        id=person.id,
        name=person.name,
        email=person.email,
        role=membership.role,
        joined_at=membership.joined_at,
        last_seen_at=membership.last_seen_at,
    )


def _invitation(one: Invitation) -> InvitationTold:
    return InvitationTold(
        id=one.id,
        state=one.state_at(current.now),
        email=one.email,
        role=one.role,
        uses=one.uses,
        uses_most=one.uses_most,
        created_by=one.created_by,
        created_at=one.created_at,
        sent_at=one.sent_at,
        expires_at=one.expires_at,
    )
