"""Credit that runs low, or is used up: told once each time, by mail and by webhooks. For the worker.

Low is below a fifth of what was bought last, or below where automatic top-up stood when it was switched off; while that
goes on by itself, nothing is said of low credit. Used up is nothing left, or so little that a call was refused for it.
Amounts in nano-minor-units.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.billing import alerts, automatic, low_words, wallet_books
from app.billing.alert_models import Alert
from app.billing.payment_models import AutoTopUp
from app.billing.wallet_models import PAID, CreditGrant, JournalGroup
from app.limits import prepaid
from app.limits.models import LimitRule
from app.metering.models import Attempt
from app.organisations.models import Organisation
from app.plans.amounts import NANOS

PAGE = 200
LOW, USED_UP = 80, 100
"""Percent of what was bought last that is used, as Alert.threshold has them."""
NEARLY = 90
"""Percent: a refused call may have cost more than was left, with much of it left for others."""
IS_NEWS = timedelta(days=7)
"""Nobody is told of what has stood like that for longer."""


@dataclass(frozen=True, slots=True)
class Wallet:
    """left: what calls have not used. last: the newest grant; bought: the newest that was paid for, else that one.
    refused: whether a call was refused since that was given.
    """

    organisation_id: UUID
    currency: str
    left: int
    last: CreditGrant
    bought: CreditGrant
    refused: bool

    @property
    def is_used_up(self) -> bool:
        """Whether there is nothing more for calls."""
        return self.left <= 0 or (self.refused and 100 * self.left < (100 - NEARLY) * self.bought.nanos)

    def is_low(self, auto: AutoTopUp | None) -> bool:
        """Whether somebody should buy more soon. auto: what was agreed to, on or off."""
        least = self.bought.nanos * (100 - LOW) // 100
        if auto is not None and not auto.is_on and auto.currency == self.currency:
            wanted = auto.below * NANOS
            least = wanted if wanted < self.bought.nanos else least
        return self.left < least


def tell_due(session: Session, *, mode: str, now: datetime) -> int:
    """Tell what was not told yet, each wallet in a transaction of its own; gives how much. mode: of Stripe."""
    there, told = wallet_books.wallets(session), 0
    for start in range(0, len(there), PAGE):
        for one in _of_page(session, there[start : start + PAGE], now):
            told += _tell(session, one, mode=mode, now=now)
            session.commit()
    return told


def _of_page(session: Session, page: Sequence[tuple[UUID, str]], now: datetime) -> list[Wallet]:
    """Those in use, on a prepaid plan in that currency, in which something happened lately."""
    rules = {prepaid.counter_of(*one).rule_id: one for one in page}
    ruled = session.exec(select(LimitRule.id).where(col(LimitRule.id).in_(rules))).all()
    lately = select(JournalGroup.organisation_id).where(
        col(JournalGroup.organisation_id).in_({rules[rule_id][0] for rule_id in ruled}),
        JournalGroup.at > now - IS_NEWS,
    )
    active, refused = set(session.exec(lately.distinct())), _refused(session, ruled, now)
    lefts = prepaid.left(session, ruled)
    found = []
    for rule_id in ruled:
        organisation_id, currency = rules[rule_id]
        if organisation_id in active or rule_id in refused:
            last, bought = _newest(session, organisation_id, currency)
            is_refused = rule_id in refused and refused[rule_id] > last.created_at + alerts.HEARD
            found.append(Wallet(organisation_id, currency, lefts.get(rule_id, 0), last, bought, is_refused))
    return found


def _refused(session: Session, rule_ids: Sequence[UUID], now: datetime) -> dict[UUID, datetime]:
    """When each of these last refused a call, lately."""
    where = (col(Attempt.at) > now - alerts.REFUSED_WITHIN, col(Attempt.rule_id).in_(rule_ids))
    rows = session.exec(select(Attempt.rule_id, func.max(Attempt.at)).where(*where).group_by(col(Attempt.rule_id)))
    return {rule_id: at for rule_id, at in rows if rule_id is not None}


def _newest(session: Session, organisation_id: UUID, currency: str) -> tuple[CreditGrant, CreditGrant]:
    """The last grant, and the last that was paid for; there is one at least."""
    where = (CreditGrant.organisation_id == organisation_id, CreditGrant.currency == currency)
    newest = select(CreditGrant).where(*where).order_by(col(CreditGrant.created_at).desc(), col(CreditGrant.id))
    last = session.exec(newest.limit(1)).one()
    bought = last if last.kind == PAID else session.exec(newest.where(CreditGrant.kind == PAID).limit(1)).first()
    return last, bought or last


def _tell(session: Session, one: Wallet, *, mode: str, now: datetime) -> int:
    auto = automatic.of(session, one.organisation_id, mode)
    if one.is_used_up:
        is_new = _write(session, one, USED_UP, one.last, now=now)
        _write(session, one, LOW, one.bought, is_told=False, now=now)
        return low_words.tell(session, _said(session, one, auto), mode=mode, now=now) if is_new else 0
    if not one.is_low(auto) or _is_topped_up(session, auto, one.currency, now):
        return 0
    is_new = _write(session, one, LOW, one.bought, now=now)
    return low_words.tell(session, _said(session, one, auto), mode=mode, now=now) if is_new else 0


def _is_topped_up(session: Session, auto: AutoTopUp | None, currency: str, now: datetime) -> bool:
    """Whether more comes by itself."""
    goes_on = auto is not None and auto.is_on and not auto.stopped_why and auto.currency == currency
    return auto is not None and goes_on and not automatic.is_at_most(session, auto, now=now)


def _said(session: Session, one: Wallet, auto: AutoTopUp | None) -> low_words.Said:
    return low_words.Said(
        organisation=session.get_one(Organisation, one.organisation_id),
        currency=one.currency,
        left=max(0, one.left),
        bought=one.bought.nanos,
        is_gift=one.bought.kind != PAID,
        is_used_up=one.is_used_up,
        is_automatic=auto is not None and auto.is_on,
        key=f"{one.last.id}" if one.is_used_up else f"{one.bought.id}",
    )


def _write(
    session: Session, one: Wallet, threshold: int, grant: CreditGrant, *, is_told: bool = True, now: datetime
) -> bool:
    """Whether nobody has written it before, here or in another worker; the episode is named by its grant."""
    row = {
        "organisation_id": one.organisation_id,
        "key": f"credit {grant.id} {threshold}",
        "threshold": threshold,
        "words": low_words.sentence(max(0, one.left), one.currency, is_used_up=threshold == USED_UP),
        "most": one.bought.nanos,
        "used": one.bought.nanos - one.left,
        "is_told": is_told,
        "at": now,
    }
    known = select(Alert.id).where(Alert.organisation_id == one.organisation_id, Alert.key == row["key"])
    return session.exec(known).first() is None and alerts.write_once(session, row) is not None
