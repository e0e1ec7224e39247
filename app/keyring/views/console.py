"""What the pages of keys share: their blueprint, and what several of them need."""

from collections.abc import Sequence
from datetime import date
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, request, url_for

from app.billing import watching
from app.core import uuids
from app.integrations import queries as integrations
from app.integrations import snippets
from app.keyring import listing
from app.keyring.forms import TermsForm
from app.keys import lifetimes, owners, queries
from app.keys.models import Key
from app.metering.by_key import KeyDay
from app.metering.spans import CUSTOM
from app.organisations.guards import current
from app.plans import queries as plans
from app.web import charts
from app.web.charts import BarChart

bp = Blueprint("keys", __name__, url_prefix="/keys")


def asked_for(key_id: UUID) -> Key:
    """The organisation's key in the address. Raises NotFound."""
    return queries.key_of(current.session, current.organisation, key_id)


def currency() -> str:
    """What the organisation pays in."""
    standing = plans.standing(current.session, current.organisation.id, at=current.now)
    return watching.currency_of(standing, usual=current.settings.currency)


def longest() -> int | None:
    """How many days a key may live here; None for ever."""
    return lifetimes.longest_days(current.session, current.organisation.id)


def members(*also: UUID | None) -> list[tuple[UUID, str]]:
    """Whom a page offers as owners; among them whoever its address asks for (`?owner=`)."""
    named = (uuids.read(request.args.get("owner", "")), *also)
    return owners.members_of(current.session, current.organisation, also=[one for one in named if one is not None])


def offer(form: TermsForm) -> None:
    """Fill in whom and how long a key may be for."""
    people = members(uuids.read(form.owner.data or ""))
    form.offer(people=people, me=current.person.id, longest=longest())


def ways_to_call(secret: str) -> list[dict[str, str]]:
    """Tabs with ready-made snippets; none while nothing can be called."""
    sample = integrations.sample(current.session)
    if sample is None:
        return []
    made = snippets.for_first_call(sample, gateway_url=current.settings.gateway_url, secret=secret)
    return [{"id": one.slug, "label": one.label, "where": one.where, "code": one.code} for one in made]


def state_badge(key: Key, *, is_rotating: bool) -> tuple[str, str]:
    """(word, tone) of a key's state."""
    state = listing.state_of(key, is_rotating=is_rotating, now=current.now)
    return listing.STATES[state], listing.TONES[state]


def calls_by_day(key: Key, days: Sequence[KeyDay]) -> BarChart:
    """Stacked bars, those that went well at the bottom; the last day is still counting. Each leads to its calls."""
    went_well = charts.Series("Went well", tuple(float(day.calls - day.errors) for day in days), tone="1")
    failed = charts.Series("Failed", tuple(float(day.errors) for day in days), tone="danger")
    return charts.stacked_bars(
        [f"{day.day:%-d %b %Y}" for day in days],
        [went_well, failed],
        marks=[f"{day.day:%-d %b}" for day in days],
        open_from=len(days) - 1,
        urls=[calls_of(key, day.day, day.day) for day in days],
    )


def calls_of(key: Key, first: date, last: date) -> str:
    """Where the calls of a key on these days stand one by one, both included."""
    query = {"period": CUSTOM, "from": first, "to": last, "key": key.id}
    return f"{url_for('usage_calls.index')}?{urlencode(query)}"


def url_of(key: Key) -> str:
    """The key's own page."""
    return url_for("keys.show", key_id=key.id)
