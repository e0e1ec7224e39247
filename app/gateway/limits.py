"""May this call pass, and what does it cost at most? Rates from memory, allowances and caps from what is held ahead.

On the usual way nothing here waits. Which rules apply to whom is worked out once and remembered while the rules and
prices stay as they are. Why so: docs/adr/0010.
"""

import asyncio
from datetime import datetime
from time import time

from app.core.config import Settings
from app.gateway import limit_refusals, max_cost, rate_headers
from app.gateway.admission import Admission
from app.gateway.applying import Applying
from app.gateway.call import Call
from app.gateway.errors import Refused
from app.gateway.reply import HeaderList
from app.gateway.streams import LISTEN
from app.gateway.tariff import Tariff
from app.limits import models
from app.limits.book import NoLease, Pool, Slot
from app.limits.holds import Hold, Reservation
from app.limits.keeper import Keeper
from app.limits.moments import Moments
from app.limits.rates import Window
from app.limits.rules import Rule
from app.metering import attempts
from app.plans.prices import NO_PRICE, Price

FINDS_OUT_S = 10.0
"""So long does a call wait to hear whether its tool answers with streams, when all places are taken."""
REMEMBERED = 8_192
"""So many callers' rules are remembered without thinking, and as many that were remembered before."""


class Limits:
    """One per gateway, for the event loop."""

    def __init__(self, settings: Settings, *, tariff: Tariff, keeper: Keeper) -> None:
        self._currency = settings.currency
        self._words = limit_refusals.Words(settings)
        self._rules = tariff.rules
        self._prices = tariff.prices
        self._keeper = keeper
        self._rates = keeper.rates
        self._moments = Moments()
        self._recent: dict[tuple[int, int, str], Applying] = {}
        self._older: dict[tuple[int, int, str], Applying] = {}
        self._before: dict[tuple[int, int, str], Applying] = {}
        """As they were under the last rules and prices: whether answers are streams does not depend on those."""
        self._version = -1

    def admit(self, call: Call) -> Admission:
        """What an admission owes is then to be reserved, before the call is made. Raises Refused."""
        at = call.incoming.at = self._moments.at(call.incoming.at)
        is_metered = call.envelope.is_metered
        applying = self._applying(call, (call.envelope.name or "") if is_metered else "", at)
        if is_metered and (applying.price is not None or max_cost.HEADER in call.headers):
            _check_price(call, applying.price, applying.currency)
        now = time()
        for rule, window, _ in applying.windows:
            if window.counted(now) + 1 > window.most:
                raise self._words.rate(call, rule, window, now=now, policy=applying.policy)
        is_stream = applying.streams or call.incoming.method == "GET" or call.envelope.method == LISTEN
        may_stream = applying.streams is None and is_metered and call.grant.environment == "live"
        if is_stream:
            self._check_streams(call, applying)
        for _, window, _ in applying.windows:
            self._rates.pass_(window)
        admission = Admission(applying, self._rates, at=at, now=now, is_call=is_metered)
        if is_stream:
            admission.expect_stream()
        elif may_stream and applying.gauges:
            admission.must_wait = any(gauge.is_full and gauge.is_tried for _, gauge in applying.gauges)
            if not admission.must_wait:
                admission.try_stream()
        if is_metered:
            if (applying.slots or admission.must_wait) and call.grant.environment == "live":
                admission.owes = True
            elif applying.policy:
                admission.headers = _headers(applying, now, at)
        return admission

    def reserve_at_once(self, admission: Admission) -> bool:
        """What it takes of allowances and caps, if all of it is at hand; else nothing, and False."""
        if admission.must_wait:
            return False
        holds: list[Hold] = []
        for slot, amount in admission.applying.slots:
            pool = slot.pool_at(admission.at)
            if not self._keeper.lifeline.holds or not pool.take(amount):
                Reservation(tuple(holds)).given_back()
                return False
            holds.append(Hold(pool, slot.rule.measure, amount))
        self._reserved(admission, Reservation(tuple(holds)))
        return True

    async def reserve(self, call: Call, admission: Admission) -> None:
        """What it takes of allowances and caps. Waits only when a lease must be fetched, or when the answer may be one
        stream too many. Raises Refused.
        """
        self._reserved(admission, await self._reserve(call, admission))

    def _reserved(self, admission: Admission, reservation: Reservation) -> None:
        admission.owes, admission.reservation = False, reservation
        if admission.applying.policy:
            admission.headers = _headers(admission.applying, admission.now, admission.at)

    async def _reserve(self, call: Call, admission: Admission) -> Reservation:
        """Everything or nothing. What a refused call had passed of rates is given back, and its place among streams."""
        applying, at = admission.applying, admission.at
        holds: list[Hold] = []
        slowed: list[Window] = []
        try:
            if admission.must_wait:
                await self._found_out(call, admission)
            for slot, amount in applying.slots:
                pool = slot.pool_at(at)
                if not self._keeper.lifeline.holds:
                    raise self._words.unknown(slot.rule)
                if pool.take(amount) or await self._fetched(pool, slot.rule, amount):
                    holds.append(Hold(pool, slot.rule.measure, amount))
                else:
                    slowed.append(self._slow(call, slot, pool, admission))
        except BaseException:
            Reservation(tuple(holds)).given_back()
            admission.close()
            for window in (*(window for _, window, _ in applying.windows), *slowed):
                window.used = max(0, window.used - 1)
            raise
        return Reservation(tuple(holds))

    async def _found_out(self, call: Call, admission: Admission) -> None:
        """Wait until it is known that the tool answers plainly, or there is room for one more stream."""
        applying, loop = admission.applying, asyncio.get_running_loop()
        until = loop.time() + FINDS_OUT_S
        full = [gauge for _, gauge in applying.gauges if gauge.is_full and gauge.is_tried]
        while applying.streams is None and full and loop.time() < until:
            told = loop.create_future()
            full[0].waiting.append(told)
            await asyncio.wait([told], timeout=until - loop.time())
            full = [gauge for _, gauge in applying.gauges if gauge.is_full and gauge.is_tried]
        admission.must_wait = False
        if applying.streams is None and not full:
            admission.try_stream()
        elif applying.streams is not False:
            self._check_streams(call, applying)
            admission.expect_stream()

    def _check_streams(self, call: Call, applying: Applying) -> None:
        for rule, gauge in applying.gauges:
            if gauge.is_full:
                raise self._words.streams(call, rule, gauge, policy=applying.policy)

    async def _fetched(self, pool: Pool, rule: Rule, amount: int) -> bool:
        try:
            return await pool.wait_for(amount)
        except NoLease:
            raise self._words.unknown(rule) from None

    def _slow(self, call: Call, slot: Slot, pool: Pool, admission: Admission) -> Window:
        """The rate that the call passes by, beyond a cap that slows down; it is not held against the cap itself."""
        rule, said = slot.rule, admission.applying
        if rule.action != models.SLOW:
            raise self._words.used_up(call, rule, pool, at=admission.at, policy=said.policy, currency=said.currency)
        window, now = self._rates.window(rule.slow, slot.subject_id), admission.now
        if not self._rates.has_share(window, now):
            raise self._words.slowed(call, rule, window, pool, now=now, policy=said.policy, currency=said.currency)
        self._rates.pass_(window)
        admission.rules = " ".join(short for short in admission.rules.split() if short != rule.short_id)
        return window

    def _applying(self, call: Call, tool: str, at: datetime) -> Applying:
        version = self._rules.version + self._prices.version
        if version != self._version:
            self._version = version
            self._before = self._recent
            self._recent, self._older = {}, {}
        place = (id(call.grant), id(call.destination.route), tool)
        found = self._recent.get(place) or self._older.get(place)
        if found is None or not found.is_current(at):
            known, found = found or self._before.get(place), self._work_out(call, tool, at)
            found.streams = False if known is not None and known.streams is False else None
        elif place in self._recent:
            return found
        if len(self._recent) >= REMEMBERED:
            self._recent, self._older = {}, self._recent
        self._recent[place] = found
        return found

    def _work_out(self, call: Call, tool: str, at: datetime) -> Applying:
        grant, route = call.grant, call.destination.route
        organisation_id, key_id = grant.organisation_id, grant.key_id
        rules = self._rules.applying(
            organisation_id=organisation_id, key_id=key_id, integration_id=route.integration_id, tool=tool
        )
        subjects = [(rule, rule.subject_of(organisation_id=organisation_id, key_id=key_id)) for rule in rules]
        found = self._prices.price_of(organisation_id, route.integration_id, tool, at) if tool else NO_PRICE
        price = found.price
        streams = [(rule, subject) for rule, subject in subjects if rule.measure == models.STREAMS]
        counted = [(rule, subject) for rule, subject in subjects if rule.measure != models.STREAMS]
        caps = [(rule, subject) for rule, subject in counted if not rule.is_rate] if tool else []
        rates = [(rule, subject) for rule, subject in counted if rule.is_rate]
        held = [rule for rule, _ in (*rates, *caps)]
        slots = [(self._keeper.book.slot(rule, subject), _amount(rule, price)) for rule, subject in caps]
        return Applying(
            whom=(grant, route),
            windows=tuple((rule, self._rates.window(rule, who), rate_headers.begun(rule)) for rule, who in rates),
            gauges=tuple((rule, self._rates.gauge(rule, subject)) for rule, subject in streams),
            slots=tuple((slot, amount) for slot, amount in slots if amount),
            allowances=tuple(
                (slot, rate_headers.begun(slot.rule)) for slot, _ in slots if slot.rule.measure == models.CALLS
            ),
            price=price,
            price_until=found.until,
            currency=found.currency or self._currency,
            rules=" ".join(rule.short_id for rule in held),
            policy=rate_headers.policy(held),
        )


def _check_price(call: Call, price: Price | None, currency: str) -> None:
    if price is not None and price.currency != currency:
        words = f"it is set in {price.currency}, and calls are charged in {currency}."
        raise Refused(attempts.PRICE_UNKNOWN, words)
    said = call.headers.get(max_cost.HEADER)
    if said is not None:
        max_cost.check(said, price, currency=currency)


def _amount(rule: Rule, price: Price | None) -> int:
    if rule.measure == models.SPEND:
        return price.ceiling_nanos if price is not None else 0
    return 1


def _headers(applying: Applying, now: float, at: datetime) -> HeaderList:
    left = [rate_headers.of_window(begun, window, now) for _, window, begun in applying.windows]
    for slot, begun in applying.allowances:
        left.append(rate_headers.of_pool(begun, slot.pool_at(at), now))
    return [(rate_headers.POLICY, applying.policy), (rate_headers.LIMIT, b", ".join(left))]
