"""Alerts on use: what was told, and which use is told of."""

from dataclasses import replace
from uuid import UUID

from app.api import cursors
from app.api import queries as lists
from app.api.alert_schemas import UseAlertPage, UseAlertTold, UseRulesChanged, UseRulesTold
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.schemas import Paging
from app.unusual import queries, rules, services
from app.unusual.models import UseAlert
from app.unusual.rules import Choice

ALL, RULES = "/usage/alerts", "/usage/alerts/rules"


@endpoint("GET", ALL, "usage:read", "Alerts on use", query=Paging, answer=UseAlertPage)
def list_use_alerts(query: Paging) -> UseAlertPage:
    found = lists.use_alerts_after(
        current.session, current.organisation, after=cursors.read(query.cursor), limit=query.limit + 1
    )
    shown, following = cursors.cut(found, query.limit, lambda one: (one.at, one.id))
    return UseAlertPage(items=[_told(one) for one in shown], next_cursor=following)


@endpoint("POST", f"{ALL}/<uuid:alert_id>/seen", "alerts:write", "Mark an alert as seen", answer=UseAlertTold)
def see_use_alert(alert_id: UUID) -> UseAlertTold:
    alert = queries.alert_of(current.session, current.organisation, alert_id)
    services.see(current.session, alert=alert, person_id=None, now=current.now)
    return _told(alert)


@endpoint("GET", RULES, "usage:read", "Which use is told of", answer=UseRulesTold)
def get_use_rules() -> UseRulesTold:
    return _rules(queries.choice_of(current.session, current.organisation.id))


@endpoint("PATCH", RULES, "alerts:write", "Say which use is told of", body=UseRulesChanged, answer=UseRulesTold)
def change_use_rules(body: UseRulesChanged) -> UseRulesTold:
    known = queries.choice_of(current.session, current.organisation.id)
    asked = body.model_dump(exclude_none=True)
    off = {rule for rule in rules.WORDS if not asked.get(rule, known.has(rule))}
    numbers = {name: asked[name] for name in rules.BOUNDS if name in asked}
    choice = replace(known, off=frozenset(off), **numbers)
    services.choose(current.session, current.organisation, choice, person_id=None, now=current.now)
    return _rules(choice)


def _told(alert: UseAlert) -> UseAlertTold:
    return UseAlertTold.model_validate({**alert.model_dump(), "place": alert.place or None})


def _rules(choice: Choice) -> UseRulesTold:
    switches = {rule: choice.has(rule) for rule in rules.WORDS}
    return UseRulesTold.model_validate(switches | {name: getattr(choice, name) for name in rules.BOUNDS})
