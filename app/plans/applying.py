"""From a file or a form to versions of plans: what would change and for whom, and making it so.

Nothing that somebody may be on is changed: a plan that says something else becomes a new version with new prices, and
who is on the old one stays there unless they are moved, from the end of an interval on, after a notice; moves to older
versions are over. File and page
go the same way, and neither overwrites what it has not seen of the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from app.core import audit, changes
from app.core.errors import Conflict, Invalid, NotFound
from app.integrations import queries as integrations
from app.plans import document, moving, queries, succession, versions, withdrawing, words
from app.plans.document import Document
from app.plans.models import FROM_FILE, FROM_PAGE
from app.plans.queries import Offer
from app.plans.reading import Catalogue
from app.plans.versions import Draft

LONGEST_NOTICE_DAYS = 366


@dataclass(frozen=True, slots=True)
class Difference:
    """A plan that is not as the file says. before: None for a new one. lines: what changes, in words. organisations:
    how many are on it now. withdrawn: how many were to follow to a version of it and will not, at least not there.
    """

    slug: str
    before: Offer | None
    after: Document
    lines: list[str]
    organisations: int
    withdrawn: int = 0


@dataclass(frozen=True, slots=True)
class When:
    """From when a change holds. effective_at: for whoever subscribes. is_moving: whether those on older versions
    follow, at the end of the interval in which their notice has run out.
    """

    effective_at: datetime
    notice_days: int = 0
    is_moving: bool = False


def compare(session: Session, catalogue: Catalogue, *, now: datetime) -> list[Difference]:
    """What `apply` would change, in the order of the file; then what the file has no more and is withdrawn.

    Raises Invalid for an integration or tool that is not there.
    """
    known = queries.newest(session)
    found = []
    for slug, plan in catalogue.plans.items():
        _check_places(session, slug, plan)
        before = known.get(slug)
        if before is not None and before.plan.organisation_id is not None:
            raise Invalid(f"“{slug}” is the plan of one organisation; choose another name.")
        if before is None or document.as_json(before.document) != document.as_json(plan):
            found.append(_difference(session, slug, before, plan, now=now))
    for slug, before in known.items():
        is_dropped = slug not in catalogue.plans and before.plan.organisation_id is None
        if is_dropped and (before.document.is_published or before.document.is_default):
            found.append(_difference(session, slug, before, _withdrawn(before.document), now=now))
    return found


@dataclass(frozen=True, slots=True)
class Source:
    """Where a change comes from. made_from: slug to the version that was looked at when it was made, None for a plan
    that was not there; what is not in it is not compared. person_id: who made it on the page.
    """

    name: str = FROM_FILE
    person_id: UUID | None = None
    made_from: Mapping[str, UUID | None] | None = None


def apply(
    session: Session,
    catalogue: Catalogue,
    *,
    when: When,
    source: Source | None = None,
    overwrites: bool = False,
    now: datetime,
) -> list[Difference]:
    """Make it so; gives what was changed, nothing when all is as it should be.

    overwrites: also what was changed on the page since the file was written. Raises Invalid, and Conflict for what has
    been changed meanwhile.
    """
    source = source or Source()
    check_when(when, now=now)
    found = compare(session, catalogue, now=now)
    check_unseen(found, catalogue, source, overwrites=overwrites)
    while found and succession.enrol(session, now=now):
        pass  # so that whoever has chosen nothing stays on what they have
    for difference in found:
        _set(session, difference, when, source, is_moving=difference.slug in catalogue.plans, now=now)
    moving.carry_on(session, now=now)
    return found


def draft(session: Session, difference: Difference, when: When, *, now: datetime) -> Draft:
    """The version that it would become, to try out."""
    return versions.draft(
        session, difference.slug, difference.before, difference.after, effective_at=when.effective_at, now=now
    )


def check_when(when: When, *, now: datetime) -> None:
    """Raises Invalid for a moment that has been, or a notice that is too long."""
    if when.effective_at < now:
        raise Invalid("A plan cannot begin in the past: people have agreed to another.")
    if not 0 <= when.notice_days <= LONGEST_NOTICE_DAYS:
        raise Invalid(f"Give a notice of 0 to {LONGEST_NOTICE_DAYS} days.")


def check_unseen(
    found: Sequence[Difference], catalogue: Catalogue, source: Source, *, overwrites: bool = False
) -> None:
    """Raises Conflict for a change that would undo one that whoever made it has not seen."""
    for difference in found:
        before = difference.before
        looked_at = source.made_from or {}
        if difference.slug in looked_at and looked_at[difference.slug] != (before.version.id if before else None):
            raise Conflict(f"“{difference.slug}” has been changed since you opened this page. {_came_from(before)}")
        if source.name != FROM_FILE or overwrites or before is None or before.version.source != FROM_PAGE:
            continue
        if before.version.number > catalogue.versions.get(difference.slug, 0):
            raise Conflict(
                f"“{difference.slug}” was changed on the operator’s page, and the file was written before that. "
                f"{_came_from(before)} Write the plans as they are with “postern plans export”, change that, and "
                "apply it; or say --overwrite."
            )


def _set(
    session: Session, difference: Difference, when: When, source: Source, *, is_moving: bool, now: datetime
) -> None:
    made = draft(session, difference, when, now=now)
    version = made.offer.version
    version.source, version.person_id = source.name, source.person_id
    _keep(session, made)
    moved = _move(session, difference, made.offer, when, now=now) if is_moving else {}
    changes.record(session, kind="plan", subject_id=version.id, now=now)
    details = {**_details(difference, made.offer, when), "source": source.name, **moved}
    audit.record(
        session, action="plan.set", now=now, person_id=source.person_id, subject_id=version.id, details=details
    )


def _came_from(before: Offer | None) -> str:
    if before is None:
        return "It was withdrawn."
    version, at = before.version, before.version.created_at
    place = "the operator’s page" if version.source == FROM_PAGE else "a file"
    return f"Version {version.number} came from {place} on {at.day} {at:%B %Y, %H:%M} UTC."


def _keep(session: Session, made: Draft) -> None:
    try:
        versions.keep(session, made)
    except IntegrityError as problem:
        raise Conflict(f"“{made.offer.plan.slug}” is being changed by somebody else. Try again.") from problem


def _move(session: Session, difference: Difference, offer: Offer, when: When, *, now: datetime) -> dict[str, str]:
    if not when.is_moving or difference.before is None:
        return {}
    moving.begin(session, offer, effective_at=when.effective_at, notice_days=when.notice_days, now=now)
    return {"moved": str(moving.followers(session, offer)), "notice_days": str(when.notice_days)}


def _details(difference: Difference, offer: Offer, when: When) -> dict[str, str]:
    return {
        "plan": difference.slug,
        "number": str(offer.version.number),
        "changes": "; ".join(difference.lines),
        "from": when.effective_at.isoformat(timespec="seconds"),
        "organisations": str(difference.organisations),
        **({"withdrawn": str(difference.withdrawn)} if difference.withdrawn else {}),
    }


def _difference(session: Session, slug: str, before: Offer | None, after: Document, *, now: datetime) -> Difference:
    lines = words.differences(before.document if before is not None else None, after)
    on_it = queries.organisations_on(session, before.plan) if before is not None else 0
    stopped = withdrawing.waiting(session, before.plan, now=now) if before is not None else 0
    return Difference(slug, before, after, lines or ["the order of what it says"], on_it, stopped)


def _withdrawn(plan: Document) -> Document:
    said = document.as_json(plan) | {"is_published": False, "is_default": False}
    return document.from_json(said)


def _check_places(session: Session, slug: str, plan: Document) -> None:
    for charge in plan.charges:
        if not charge.integration:
            continue
        try:
            integration = integrations.by_slug(session, charge.integration)
            if charge.tool:
                integrations.check_tool(session, integration, charge.tool)
        except (NotFound, Invalid) as problem:
            raise Invalid(f"The charge “{charge.key}” of the plan “{slug}”: {problem.message}") from None
