"""Inviting people: by mail or by link, sending again, taking back, and the list of what was sent."""

from uuid import UUID

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectChoice

from app.accounts import again as once_more
from app.accounts.again import Danger
from app.core.errors import Conflict, Invalid, LimitReached, NotAllowed
from app.organisations import inviting, roles
from app.organisations.guards import current, member
from app.organisations.invitation_models import Invitation
from app.organisations.inviting import Terms
from app.team import seating
from app.team.invite_forms import LinkForm, MailForm
from app.team.views.members import TONES, bp, gives_much
from app.web import htmx, paging

PAGE = 50
INVITING = Danger("invite an owner or admin", "members.invite", gives_much)
REFUSED = (Invalid, Conflict, LimitReached, NotAllowed)


@bp.get("/invitations/")
@member("members:write")
def invitations() -> ResponseReturnValue:
    page = paging.page_of(
        lambda limit, offset: inviting.of(current.session, current.organisation, limit=limit, offset=offset),
        size=PAGE,
    )
    return htmx.render("team/invitations.html", page=page, tones=TONES)


@bp.get("/invite")
@member("members:write")
def invite() -> ResponseReturnValue:
    by_mail = MailForm(prefix="mail-", formdata=once_more.typed("members.by_mail") or None)
    return _page(by_mail, LinkForm(prefix="link-", formdata=once_more.typed("members.by_link") or None))


@bp.post("/invite/mail")
@member("members:write", lately=INVITING)
def by_mail() -> ResponseReturnValue:
    form = MailForm(prefix="mail-")
    if form.validate():
        try:
            made = inviting.by_mail(
                current.session,
                organisation=current.organisation,
                email=form.email.data or "",
                on=_terms(form, uses=1),
                by=current.actor,
                now=current.now,
            )
        except REFUSED as refusal:
            form.email.errors = [*form.email.errors, refusal.message]
        else:
            flash(f"{made.email} was invited as {made.role}. The mail leaves within a minute.")
            return htmx.redirect(url_for("members.index"))
    return _page(form, LinkForm(prefix="link-", formdata=None), status=422)


@bp.post("/invite/link")
@member("members:write", lately=INVITING)
def by_link() -> ResponseReturnValue:
    form = LinkForm(prefix="link-")
    if form.validate():
        try:
            made, token = inviting.by_link(
                current.session,
                organisation=current.organisation,
                on=_terms(form, uses=form.uses.data or 0),
                by=current.actor,
                now=current.now,
            )
        except REFUSED as refusal:
            form.uses.errors = [*form.uses.errors, refusal.message]
        else:
            return _link(made, token)
    return _page(MailForm(prefix="mail-", formdata=None), form, status=422)


@bp.post("/invitations/<uuid:invitation_id>/again")
@member("members:write")
def again(invitation_id: UUID) -> ResponseReturnValue:
    found = inviting.one(current.session, current.organisation, invitation_id)
    try:
        token = inviting.again(
            current.session,
            organisation=current.organisation,
            invitation=found,
            by=current.actor,
            now=current.now,
        )
    except REFUSED as refusal:
        flash(refusal.message, "error")
        return htmx.redirect(url_for("members.index"))
    if found.is_link:
        return _link(found, token)
    flash(f"{found.email} gets a new mail. The link in the one before does not work any more.")
    return htmx.redirect(url_for("members.index"))


@bp.post("/invitations/<uuid:invitation_id>/revoke")
@member("members:write")
def revoke(invitation_id: UUID) -> ResponseReturnValue:
    found = inviting.one(current.session, current.organisation, invitation_id)
    inviting.revoke(current.session, invitation=found, by=current.actor, now=current.now)
    flash("The invitation was taken back: nobody can join by it any more.")
    return htmx.redirect(url_for("members.index"))


def _terms(form: MailForm | LinkForm, *, uses: int) -> Terms:
    seats = seating.of(current.session, current.organisation, now=current.now)
    return Terms(role=form.role.data or "", days=form.whole_days, uses=uses, seats=seats.most)


def _page(by_mail: MailForm, by_link: LinkForm, *, status: int = 200) -> ResponseReturnValue:
    given = roles.given_by(current.role)
    for form in (by_mail, by_link):
        form.role.choices = [SelectChoice(role, role.capitalize()) for role in given]
        form.role.data = form.role.data or roles.DEVELOPER
    return htmx.render(
        "team/invite.html",
        status=status,
        by_mail=by_mail,
        by_link=by_link,
        given=given,
        descriptions=roles.DESCRIPTIONS,
        seats=seating.of(current.session, current.organisation, now=current.now),
    )


def _link(made: Invitation, token: str) -> ResponseReturnValue:
    """The one page that shows it."""
    address = current.settings.portal_url + url_for("invitations.show", token=token)
    response = htmx.render("team/link.html", invitation=made, address=address)
    response.headers["Cache-Control"] = "no-store"
    return response
