"""Rules as a gateway holds them in memory: which of them a call is held against, found without asking the database."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.limits import models, usage
from app.limits.models import LimitRule
from app.plans import periods

DEFAULT_CALLS = UUID(int=1)
DEFAULT_STREAMS = UUID(int=2)
RATES = (periods.SECOND, periods.MINUTE, periods.HOUR)
OPERATOR = "operator"
ORGANISATION = "organisation"
KEY = "key"


@dataclass(frozen=True, slots=True)
class Rule:
    """One LimitRule; see there for what each field says."""

    id: UUID
    name: str
    organisation_id: UUID | None
    key_id: UUID | None
    integration_id: UUID | None
    tool: str
    per: str
    measure: str
    period: str
    most: int
    set_by: str
    action: str = models.STOP

    @property
    def slow(self) -> "Rule":
        """The rate at which calls go on once it is used up, if it slows down; counted under the same id."""
        return replace(self, measure=models.CALLS, period=periods.MINUTE, most=models.SLOW_PER_MINUTE)

    @property
    def is_rate(self) -> bool:
        """Whether it is decided from memory; others need a lease."""
        return self.period in RATES

    @property
    def short_id(self) -> str:
        """By which events name it."""
        return usage.short_id(self.id)

    def applies_to(self, *, organisation_id: UUID, key_id: UUID, integration_id: UUID | None, tool: str) -> bool:
        """Whether it selects such a call. tool: "" for what is not a call of a tool."""
        return (
            (self.organisation_id is None or self.organisation_id == organisation_id)
            and (self.key_id is None or self.key_id == key_id)
            and (self.integration_id is None or self.integration_id == integration_id)
            and (not self.tool or self.tool == tool)
        )

    def subject_of(self, *, organisation_id: UUID, key_id: UUID) -> UUID:
        """Whom a call is counted for."""
        if self.per == KEY:
            return key_id
        return organisation_id if self.per == ORGANISATION else models.SHARED


def defaults(*, calls_per_minute: int, streams: int) -> list[Rule]:
    """What protects an installation that has set nothing: for each key by itself; 0 for no limit."""
    found = []
    if calls_per_minute:
        found.append(_default(DEFAULT_CALLS, "default-calls-minute", models.CALLS, periods.MINUTE, calls_per_minute))
    if streams:
        found.append(_default(DEFAULT_STREAMS, "default-streams", models.STREAMS, "", streams))
    return found


def _default(rule_id: UUID, name: str, measure: str, period: str, most: int) -> Rule:
    return Rule(rule_id, name, None, None, None, "", KEY, measure, period, most, OPERATOR)


class RuleBook:
    """All rules. Changed by one thread while another reads: each change replaces what readers hold on to.

    version: grows with each change, so that whoever remembers what applies can tell that it is out of date.
    """

    def __init__(self, usual: Iterable[Rule] = ()) -> None:
        """usual: what applies where no rule of the same measure by an operator does."""
        self._usual = tuple(usual)
        self._rules: dict[UUID, Rule] = {}
        self._by_owner: dict[UUID | None, tuple[Rule, ...]] = {}
        self.version = 0

    def replace(self, found: Iterable[Rule]) -> None:
        """Know only these."""
        self._rules = {rule.id: rule for rule in found}
        self._index()

    def put(self, found: Iterable[Rule], *, rule_ids: Iterable[UUID]) -> None:
        """Of rule_ids, these are what there is now."""
        for rule_id in rule_ids:
            self._rules.pop(rule_id, None)
        self._rules.update({rule.id: rule for rule in found})
        self._index()

    def applying(
        self, *, organisation_id: UUID, key_id: UUID, integration_id: UUID | None, tool: str
    ) -> tuple[Rule, ...]:
        """What such a call is held against, in a stable order."""
        index = self._by_owner
        candidates = index.get(None, ()) + index.get(organisation_id, ()) + index.get(key_id, ())
        found = [
            rule
            for rule in candidates
            if rule.applies_to(organisation_id=organisation_id, key_id=key_id, integration_id=integration_id, tool=tool)
        ]
        set_already = {(rule.measure, rule.is_rate) for rule in found if rule.set_by == OPERATOR and not rule.tool}
        found += [rule for rule in self._usual if (rule.measure, rule.is_rate) not in set_already]
        return tuple(found)

    def _index(self) -> None:
        by_owner: dict[UUID | None, list[Rule]] = {}
        for rule in sorted(self._rules.values(), key=lambda rule: rule.id):
            if rule.action == models.NOTIFY:
                continue
            by_owner.setdefault(rule.key_id or rule.organisation_id, []).append(rule)
        self._by_owner = {owner: tuple(rules) for owner, rules in by_owner.items()}
        self.version += 1


def every(session: Session) -> list[Rule]:
    """All rules."""
    return _rules(session, None)


def among(session: Session, rule_ids: Iterable[UUID]) -> list[Rule]:
    """Those of `rule_ids` that exist."""
    return _rules(session, list(rule_ids))


def _rules(session: Session, rule_ids: list[UUID] | None) -> list[Rule]:
    statement = select(
        col(LimitRule.id),
        col(LimitRule.name),
        col(LimitRule.organisation_id),
        col(LimitRule.key_id),
        col(LimitRule.integration_id),
        col(LimitRule.tool),
        col(LimitRule.per),
        col(LimitRule.measure),
        col(LimitRule.period),
        col(LimitRule.most),
        col(LimitRule.set_by),
        col(LimitRule.action),
    )
    if rule_ids is not None:
        statement = statement.where(col(LimitRule.id).in_(rule_ids))
    return [Rule(*row) for row in session.execute(statement)]
