"""The organisation, and who belongs to it."""

from app.api import cursors, queries
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.schemas import MemberPage, MemberTold, OrganisationTold, Paging


@endpoint("GET", "/organisation", "organisation:read", "The organisation", answer=OrganisationTold)
def get_organisation() -> OrganisationTold:
    organisation = current.organisation
    return OrganisationTold(
        id=organisation.id,
        slug=organisation.slug,
        name=organisation.name,
        is_personal=organisation.is_personal,
        created_at=organisation.created_at,
        stopped_at=organisation.stopped_at,
        stopped_why=organisation.stopped_why,
    )


@endpoint("GET", "/members", "members:read", "List members", query=Paging, answer=MemberPage)
def list_members(query: Paging) -> MemberPage:
    found = queries.members_after(
        current.session, current.organisation, after=cursors.read(query.cursor), limit=query.limit + 1
    )
    items = [
        MemberTold(
            id=person.id,
            name=person.name,
            email=person.email,
            role=membership.role,
            joined_at=membership.joined_at,
            last_seen_at=membership.last_seen_at,
        )
        for person, membership in found[: query.limit]
    ]
    has_more = len(found) > query.limit
    return MemberPage(items=items, next_cursor=cursors.written(items[-1].joined_at, items[-1].id) if has_more else None)
