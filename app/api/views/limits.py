"""Caps and warnings: what limits the organisation and each key, who set it, how far it is used; and its own caps."""

from datetime import timedelta
from uuid import UUID

from app.api import cursors, paying
from app.api import queries as lists
from app.api.endpoints import endpoint
from app.api.guards import current
from app.api.limit_schemas import (
    AlertsChanged,
    AlertsTold,
    CapAsked,
    CapChanged,
    LimitPage,
    LimitTold,
    WarningPage,
    WarningTold,
)
from app.api.schemas import Paging
from app.api.views import keys
from app.billing import alerts, caps, limit_list
from app.core import clock
from app.core.errors import NotFound
from app.integrations import queries as integrations
from app.integrations.models import Integration
from app.keyring import limits_of_key
from app.keyring.limits_of_key import SETTERS
from app.keys import services as key_services
from app.keys.models import Key
from app.limits import models, rules, wording
from app.limits.models import LimitRule
from app.limits.rules import ORGANISATION, Rule
from app.metering import by_key
from app.plans import periods

ALL = "/limits"
ONE = f"{ALL}/<uuid:rule_id>"
ALERTS = f"{ALL}/alerts"


@endpoint("GET", ALL, "billing:read", "What limits the organisation", query=Paging, answer=LimitPage)
def list_limits(query: Paging) -> LimitPage:
    shown, following = cursors.part(_limits(), cursor=query.cursor, limit=query.limit, name=lambda one: one.id.hex)
    return LimitPage(items=list(shown), next_cursor=following)


@endpoint("GET", f"{keys.ONE}/limits", "keys:read", "What limits a key", query=Paging, answer=LimitPage)
def list_key_limits(key_id: UUID, query: Paging) -> LimitPage:
    found = _limits_of(keys.one(key_id))
    shown, following = cursors.part(found, cursor=query.cursor, limit=query.limit, name=lambda one: one.id.hex)
    return LimitPage(items=list(shown), next_cursor=following)


@endpoint("POST", ALL, "billing:write", "Cap what may be spent", body=CapAsked, answer=LimitTold, status=201)
def create_cap(body: CapAsked) -> LimitTold:
    key = keys.one(body.key_id) if body.key_id is not None else None
    if key is not None:
        key_services.refuse_revoked(key)
    integration = _integration(body.integration) if body.integration else None
    return _own(_set(key, integration, body.period, body.most_nanos, body.action))


@endpoint("GET", ONE, "billing:read", "One cap of the organisation", answer=LimitTold)
def get_cap(rule_id: UUID) -> LimitTold:
    return _own(caps.cap_of(current.session, current.organisation, rule_id))


@endpoint("PATCH", ONE, "billing:write", "Change a cap", body=CapChanged, answer=LimitTold)
def change_cap(rule_id: UUID, body: CapChanged) -> LimitTold:
    """Its id is another afterwards where it came to stop calls, or no longer does."""
    rule = caps.cap_of(current.session, current.organisation, rule_id)
    most = body.most_nanos if body.most_nanos is not None else rule.most
    action = body.action or rule.action
    if (most, action) != (rule.most, rule.action):
        key = current.session.get(Key, rule.key_id) if rule.key_id is not None else None
        place = current.session.get(Integration, rule.integration_id) if rule.integration_id is not None else None
        rule = _set(key, place, rule.period, most, action)
    return _own(rule)


@endpoint("DELETE", ONE, "billing:write", "Remove a cap", status=204)
def remove_cap(rule_id: UUID) -> None:
    rule = caps.cap_of(current.session, current.organisation, rule_id)
    caps.remove_cap(current.session, rule=rule, currency=paying.currency(), person_id=None, now=current.now)


@endpoint("GET", ALERTS, "billing:read", "When warnings come", answer=AlertsTold)
def get_alerts() -> AlertsTold:
    return _alerts()


@endpoint("PATCH", ALERTS, "billing:write", "Say when warnings come", body=AlertsChanged, answer=AlertsTold)
def change_alerts(body: AlertsChanged) -> AlertsTold:
    thresholds, by_mail = alerts.setting_of(current.session, current.organisation.id)
    wanted = tuple(sorted(set(body.thresholds))) if body.thresholds is not None else thresholds
    mailed = body.by_mail if body.by_mail is not None else by_mail
    if (wanted, mailed) != (thresholds, by_mail):
        alerts.choose(
            current.session,
            current.organisation,
            thresholds=wanted,
            by_mail=mailed,
            currency=paying.currency(),
            person_id=None,
            now=current.now,
        )
    return _alerts()


@endpoint("GET", f"{ALL}/warnings", "billing:read", "Warnings that were given", query=Paging, answer=WarningPage)
def list_warnings(query: Paging) -> WarningPage:
    found = lists.warnings_after(
        current.session, current.organisation, after=cursors.read(query.cursor), limit=query.limit + 1
    )
    shown, following = cursors.cut(found, query.limit, lambda one: (one.at, one.id))
    items = [WarningTold(id=one.id, threshold=one.threshold, words=one.words, at=one.at) for one in shown]
    return WarningPage(items=items, next_cursor=following)


def _set(key: Key | None, integration: Integration | None, period: str, most: int, action: str) -> LimitRule:
    return caps.set_cap(
        current.session,
        organisation=current.organisation,
        key=key,
        integration=integration,
        period=period,
        most=most,
        action=action,
        currency=paying.currency(),
        person_id=None,
        now=current.now,
    )


def _integration(slug: str) -> Integration:
    for one in integrations.enabled(current.session):
        if one.slug == slug:
            return one
    raise NotFound(f"There is no integration “{slug}” that can be called.")


def _alerts() -> AlertsTold:
    thresholds, by_mail = alerts.setting_of(current.session, current.organisation.id)
    return AlertsTold(thresholds=list(thresholds), by_mail=by_mail)


def _own(rule: LimitRule) -> LimitTold:
    [found] = [one for one in _limits() if one.id == rule.id]
    return found


def _limits() -> list[LimitTold]:
    """As the page of limits has them."""
    session, organisation, currency, now = current.session, current.organisation, paying.currency(), current.now
    own = limit_list.own(session, organisation, currency=currency, now=now)
    others = limit_list.others(session, organisation, current.settings, currency=currency, now=now)
    its = {rule.id: rule for rule in rules.among(session, [one.rule.id for one in own if one.rule is not None])}
    told = [
        _told(its[one.rule.id], whose=one.whose, set_by=SETTERS[ORGANISATION], count=one.used, decides=None)
        for one in own
        if one.rule is not None
    ]
    return told + [
        _told(
            one.rule,
            whose=one.whose,
            set_by=one.set_by,
            count=one.watched.used if one.watched is not None else None,
            decides=one.binds,
        )
        for one in others
    ]


def _limits_of(key: Key) -> list[LimitTold]:
    """As the key's page has them."""
    session, organisation, now = current.session, current.organisation, current.now
    since, until = periods.start_of(periods.MONTH, now), clock.day_of(now) + timedelta(days=1)
    days = by_key.days_of(session, organisation, [key.id], since=since, until=until)[key.id]
    held = limits_of_key.of(
        session, organisation, key, current.settings, days=days, currency=paying.currency(), now=now
    )
    return [_told(one.rule, whose=one.whose, set_by=one.set_by, count=one.count, decides=one.decides) for one in held]


def _told(rule: Rule, *, whose: str, set_by: str, count: int | None, decides: bool | None) -> LimitTold:
    is_spend = rule.measure == models.SPEND
    percent = None if count is None else 100 if not rule.most else max(0, 100 * count // rule.most)
    return LimitTold(
        id=rule.id,
        is_own=rule.set_by == ORGANISATION and is_spend,
        whose=whose,
        words=wording.limit(rule, currency=paying.currency()),
        key_id=rule.key_id,
        integration_id=rule.integration_id,
        measure=rule.measure,
        period=rule.period,
        unit="nanos" if is_spend else rule.measure,
        most=rule.most,
        used=count,
        percent=percent,
        action=rule.action,
        set_by=set_by,
        decides=decides,
    )
