"""Plans for operators: what there is and what it is worth, and changing one: form, preview of what changes for whom,
and applying, the way that plans.toml goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, Response, flash, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts import again
from app.accounts.again import Danger
from app.accounts.guards import current, operator, operator_lately
from app.admin import plan_form, plan_queries
from app.admin.plan_form import WrongForm
from app.billing import effects
from app.core import moments
from app.core.errors import Conflict, Invalid
from app.integrations import queries as integrations
from app.plans import applying, document, metrics, moving, queries, reading, words, writing
from app.plans.applying import Difference, Source, When
from app.plans.document import Document
from app.plans.models import FROM_PAGE, INTERVALS
from app.plans.queries import Offer
from app.plans.reading import Catalogue
from app.plans.toml_fields import Field
from app.web import htmx

bp = Blueprint("operator_plans", __name__, url_prefix="/operator/plans")

NOTICE_DAYS = 30
NEW = ""


def _page_of_form() -> str:
    """Where what was sent was typed: with the version that it was made from, it is a plan that there is."""
    slug = request.form.get("slug", "").strip()
    is_there = bool(slug and request.form.get("seen"))
    return url_for("operator_plans.edit", slug=slug) if is_there else url_for("operator_plans.new")


CHANGING = Danger("change what plans cost and allow", _page_of_form)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was sent. slug: of the plan. seen: the version that the form was made from, None for a new plan. said: what
    the plan is to be.
    """

    slug: str
    seen: UUID | None
    said: Document
    when: When


@bp.get("/")
@operator
def index() -> ResponseReturnValue:
    month = effects.month_before(current.now)
    plans = plan_queries.plans(current.session, month_at=month.begins_at, now=current.now)
    return htmx.render("admin/plans.html", plans=plans, month=month, now=current.now)


@bp.get("/plans.toml")
@operator
def export() -> ResponseReturnValue:
    text = writing.catalogue(queries.newest(current.session))
    answer = Response(text, mimetype="application/toml")
    answer.headers["Content-Disposition"] = "attachment; filename=plans.toml"
    return answer


@bp.get("/new")
@operator_lately(CHANGING)
def new() -> ResponseReturnValue:
    return _form(NEW, None, _typed() or {"kind": "payg", "published": "1"})


@bp.get("/<slug>/edit")
@operator_lately(CHANGING)
def edit(slug: str) -> ResponseReturnValue:
    offer = _offer(slug)
    return _form(slug, offer, _typed() or plan_form.fill(offer.document, _currencies()))


@bp.post("/preview")
@operator_lately(CHANGING)
def preview() -> ResponseReturnValue:
    """What the change would do; or the form again, with what is wrong, or a further charge."""
    fields = request.form.to_dict()
    slug, offer = _place(fields)
    if "further" in fields or "back" in fields:
        return _form(slug, offer, _filled(fields), further=1 if "further" in fields else 0)
    try:
        said = plan_form.read(fields, _currencies())
        wish = Wish(_slug(fields, offer), _seen(fields), said, _when(fields))
        found = _compare(wish)
    except WrongForm as problem:
        return _form(slug, offer, fields, errors=problem.errors)
    except Conflict as problem:
        return _form(slug, offer, fields, errors={"name": problem.message}, status=409)
    except Invalid as problem:
        return _form(slug, offer, fields, errors={"name": problem.message})
    return _preview(wish, found, fields)


@bp.post("/apply")
@operator_lately(CHANGING)
def apply() -> ResponseReturnValue:
    fields = request.form.to_dict()
    slug, _ = _place(fields)
    wish = Wish(slug, _seen(fields), _written(fields, slug), _when(fields))
    source = Source(FROM_PAGE, current.person.id, {slug: wish.seen})
    found = applying.apply(current.session, _catalogue(wish), when=wish.when, source=source, now=current.now)
    if found:
        flash(f"“{wish.said.name}” is changed from {_moment(wish.when.effective_at)} on.")
    else:
        flash("Nothing was different, so nothing was changed.", "warn")
    return htmx.redirect(url_for("operator_plans.index"))


def _preview(wish: Wish, found: list[Difference], fields: Mapping[str, str]) -> ResponseReturnValue:
    mine = next((one for one in found if one.slug == wish.slug), None)
    others = [one for one in found if one.slug != wish.slug]
    groups = []
    if mine is not None:
        groups = effects.of(current.session, applying.draft(current.session, mine, wish.when, now=current.now),
                            now=current.now)  # fmt: skip
    before = mine.before if mine is not None else queries.newest(current.session).get(wish.slug)
    return htmx.render(
        "admin/plan_preview.html",
        wish=wish,
        before=before,
        changes=words.changed(words.facts(before.document) if before else {}, words.facts(wish.said)),
        others=others,
        is_change=bool(found),
        withdrawn=mine.withdrawn if mine is not None else 0,
        groups=groups,
        month=effects.month_before(current.now),
        most=effects.MOST,
        fields=_when_fields(fields),
        said=writing.plan(wish.slug, wish.said),
        first_at=moving.first_at(
            effective_at=wish.when.effective_at, notice_days=wish.when.notice_days, now=current.now
        ),
        now=current.now,
    )


def _form(
    slug: str,
    offer: Offer | None,
    fields: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    further: int = 0,
    status: int = 422,
) -> ResponseReturnValue:
    charges = plan_form.charges_in(fields)
    return htmx.render(
        "admin/plan_form.html",
        slug=slug,
        offer=offer,
        seen=fields.get("seen", str(offer.version.id) if offer is not None else ""),
        fields=fields,
        errors=errors or {},
        charges=min(max(charges + further, 1), plan_form.MOST_CHARGES),
        currencies=_currencies(),
        intervals=INTERVALS,
        kinds=document.KINDS,
        allowances=words.ALLOWANCES,
        rates=words.RATES,
        metrics=metrics.WORDS,
        models=plan_form.MODELS,
        how_tiers=plan_form.HOW_TIERS,
        integrations=integrations.slugs(current.session),
        notice_days=NOTICE_DAYS,
        status=status if errors else 200,
    )


def _compare(wish: Wish) -> list[Difference]:
    catalogue = _catalogue(wish)
    applying.check_when(wish.when, now=current.now)
    found = applying.compare(current.session, catalogue, now=current.now)
    applying.check_unseen(found, catalogue, Source(FROM_PAGE, current.person.id, {wish.slug: wish.seen}))
    return found


def _catalogue(wish: Wish) -> Catalogue:
    """All plans as they are, but for the one that is changed; there is one default plan at any time."""
    plans = {
        slug: offer.document
        for slug, offer in queries.newest(current.session).items()
        if offer.plan.organisation_id is None
    }
    if wish.said.is_default:
        plans = {slug: replace(said, is_default=False) for slug, said in plans.items()}
    plans[wish.slug] = wish.said
    if not any(said.is_default for said in plans.values()):
        raise WrongForm({"default": "One plan is the default. Tick it at another plan, and this one no longer is."})
    return Catalogue(plans)


def _typed() -> dict[str, str] | None:
    """What was sent before signing in again."""
    fields = again.typed("operator_plans.preview", "operator_plans.apply")
    return _filled(fields.to_dict()) if fields else None


def _filled(fields: dict[str, str]) -> dict[str, str]:
    """The fields of the form, also of what its preview has sent."""
    if "said" not in fields:
        return fields
    return plan_form.fill(_written(fields, _place(fields)[0]), _currencies()) | _when_fields(fields)


def _place(fields: Mapping[str, str]) -> tuple[str, Offer | None]:
    slug = fields.get("slug", "").strip()
    return slug, queries.newest(current.session).get(slug)


def _offer(slug: str) -> Offer:
    found = queries.newest(current.session).get(slug)
    return found if found is not None else queries.offer(current.session, slug, at=current.now)


def _slug(fields: Mapping[str, str], offer: Offer | None) -> str:
    slug = fields.get("slug", "").strip()
    try:
        Field(slug, file="plan", lines={}).slug()
    except Invalid:
        raise WrongForm({"slug": "Use small letters, digits and dashes, at most 40."}) from None
    if offer is not None and not fields.get("seen"):
        raise WrongForm({"slug": f"There is a plan “{slug}” already; change that one, or choose another name."})
    if offer is not None and offer.plan.organisation_id is not None:
        raise WrongForm({"slug": "That is the plan of one organisation; choose another name."})
    return slug


def _seen(fields: Mapping[str, str]) -> UUID | None:
    try:
        return UUID(fields["seen"]) if fields.get("seen") else None
    except ValueError:
        raise Conflict("This page is out of date. Look at the plan again.") from None


def _written(fields: Mapping[str, str], slug: str) -> Document:
    """The plan as the preview has sent it along: the part of a file that is about it."""
    currencies = ", ".join(f'"{currency}"' for currency in _currencies())
    return reading.one_from_text(f"currencies = [{currencies}]\n{fields.get('said', '')}", slug)


def _when(fields: Mapping[str, str]) -> When:
    """From when on. Raises WrongForm."""
    text, days = fields.get("effective", "").strip(), fields.get("notice", "").strip()
    try:
        at = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) if text else current.now
    except ValueError:
        raise WrongForm({"effective": "Write a day like 2027-01-01, or nothing for at once."}) from None
    if at.date() == current.now.date():
        at = current.now
    if at < current.now:
        raise WrongForm({"effective": "A plan cannot begin in the past: people have agreed to another."})
    if not (days or "0").isdecimal() or int(days or NOTICE_DAYS) > applying.LONGEST_NOTICE_DAYS:
        raise WrongForm({"notice": f"Give a notice of 0 to {applying.LONGEST_NOTICE_DAYS} days."})
    return When(at, int(days or NOTICE_DAYS), is_moving=fields.get("move") == "follow")


def _when_fields(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: fields[name] for name in ("slug", "seen", "effective", "notice", "move") if name in fields}


def _currencies() -> list[str]:
    return writing.currencies_of(queries.newest(current.session))


def _moment(at: datetime) -> str:
    return "now" if at <= current.now else moments.day(at)
