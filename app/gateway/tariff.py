"""What calls cost and which limits they meet, as the feed keeps it fresh: rules and prices, read beside the policy."""

from collections.abc import Iterable

from sqlmodel import Session

from app.core import changes, clock
from app.core.config import Settings
from app.limits import rules
from app.limits.rules import RuleBook
from app.plans import prices, stretches
from app.plans.prices import PriceBook


class Tariff:
    """rules, prices: read by the event loop, changed by the feed's thread."""

    def __init__(self, settings: Settings) -> None:
        usual = rules.defaults(calls_per_minute=settings.key_calls_per_minute, streams=settings.key_streams)
        self.rules = RuleBook(usual)
        self.prices = PriceBook()

    def read_everything(self, session: Session) -> None:
        """Forget everything and know only what there is now."""
        found = prices.every(session)
        self.rules.replace(rules.every(session))
        self.prices.put(found, integration_ids={price.integration_id for price in found if price.integration_id})
        self.prices.put_plans(found, usual=stretches.usual(session))
        self.prices.put_subscriptions(stretches.of_organisations(session, now=clock.now()))

    def apply(self, session: Session, page: Iterable[changes.Change]) -> None:
        """Know what these changes changed."""
        rule_ids = {change.subject_id for change in page if change.kind == "limit"}
        if rule_ids:
            self.rules.put(rules.among(session, rule_ids), rule_ids=rule_ids)
        integration_ids = {change.subject_id for change in page if change.kind == "price"}
        if integration_ids:
            self.prices.put(prices.among(session, integration_ids), integration_ids=integration_ids)
        plan_version_ids = {change.subject_id for change in page if change.kind == "plan"}
        if plan_version_ids:
            self.prices.put_plans(prices.of_plans(session, plan_version_ids), usual=stretches.usual(session))
        organisation_ids = {change.subject_id for change in page if change.kind == "subscription"}
        if organisation_ids:
            self.prices.put_subscriptions(stretches.of_organisations(session, organisation_ids, now=clock.now()))
