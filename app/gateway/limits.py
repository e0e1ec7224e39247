"""May this call pass, and what does it cost at most? Rates from memory, allowances and caps from what is held ahead.

On the usual way nothing here waits. Which rules apply to whom is worked out once and remembered while the rules and
prices stay as they are. Why so: docs/adr/0010.
"""

from datetime import datetime
from time import time

from app.core.config import Settings
from app.gateway import limit_refusals, max_cost, rate_headers
from app.gateway.applying import Applying
from app.gateway.call import Call
from app.gateway.errors import Refused
from app.gateway.reply import HeaderList
from app.gateway.streams import LISTEN
from app.gateway.tariff import Tariff
from app.limits import models
from app.limits.book import NoLease, Pool, Slot
from app.limits.holds import NOTHING_HELD, Hold, Reservation
from app.limits.keeper import Keeper
from app.limits.moments import Moments
from app.limits.rates import Gauge, Rates, Window
from app.limits.rules import Rule
from app.metering import attempts
from app.plans.prices import NO_PRICE, Price

REMEMBERED = 8_192
"""So many callers' rules are remembered without thinking, and as many that were remembered before."""


class Admission:
    """A request that was let in. reservation: what it holds, until it is settled or released; owes: whether that is
    still to be reserved. headers: for its answer. at: the moment that decided its day and month; now: the same in
    seconds since 1970.
    """

    __slots__ = (
        "_has_streamed",
        "_is_call",
        "_is_plain",
        "_open",
        "_rates",
        "_tries",
        "applying",
        "at",
        "headers",
        "now",
        "owes",
        "price",
        "reservation",
        "rules",
    )

    def __init__(self, applying: Applying, rates: Rates, *, at: datetime, now: float, is_call: bool) -> None:
        self._rates = rates
        self._is_call = is_call
        self._open: tuple[tuple[Rule, Gauge], ...] = ()
        self._tries: tuple[tuple[Rule, Gauge], ...] = ()
        self._has_streamed = self._is_plain = False
        self.applying = applying
        self.price = applying.price
        self.rules = applying.rules
        self.reservation = NOTHING_HELD
        self.owes = False
        self.headers: HeaderList = []
        self.at = at
        self.now = now

    def answers_plainly(self) -> None:
        """Its answer is no stream."""
        self._is_plain = True

    def streaming(self) -> None:
        """Its answer is a stream."""
        self._has_streamed = True
        self.expect_stream()

    def expect_stream(self) -> None:
        """Its answer counts as an open stream from now on, if it does not already."""
        if self.applying.gauges and not self._open:
            self._open = self.applying.gauges
            for _, gauge in self._open:
                self._rates.stream(gauge, 1)

    def try_stream(self) -> None:
        """Nobody knows yet whether its answer will be a stream: it takes a place if there is one, or is the one call
        that may find out without.
        """
        gauges = self.applying.gauges
        if any(gauge.is_full for _, gauge in gauges):
            self._tries = gauges
            for _, gauge in gauges:
                gauge.is_tried = True
        else:
            self.expect_stream()

    def close(self) -> None:
        """Its answer is over, one way or another."""
        if self._is_call:
            if self._has_streamed:
                self.applying.streams = True
            elif self._is_plain and self.applying.streams is None:
                self.applying.streams = False
        self.give_up()

    def give_up(self) -> None:
        """There will be no answer of an integration's: it counts as open no more."""
        tries, self._tries = self._tries, ()
        for _, gauge in tries:
            gauge.is_tried = False
        if self._open:
            closing, self._open = self._open, ()
            for _, gauge in closing:
                self._rates.stream(gauge, -1)

    def release(self) -> None:
        """Give everything back: there will be no event. Harmless once it is settled."""
        self.reservation.given_back()


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
        if is_stream or may_stream:
            for rule, gauge in applying.gauges:
                if gauge.is_full and (is_stream or gauge.is_tried):
                    raise self._words.streams(call, rule, gauge, policy=applying.policy)
        for _, window, _ in applying.windows:
            self._rates.pass_(window)
        admission = Admission(applying, self._rates, at=at, now=now, is_call=is_metered)
        if is_stream:
            admission.expect_stream()
        elif may_stream and applying.gauges:
            admission.try_stream()
        if is_metered:
            if applying.slots and call.grant.environment == "live":
                admission.owes = True
            elif applying.policy:
                admission.headers = _headers(applying, now, at)
        return admission

    def reserve_at_once(self, admission: Admission) -> bool:
        """What it takes of allowances and caps, if all of it is at hand; else nothing, and False."""
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
        """What it takes of allowances and caps; waits only when a lease must be fetched. Raises Refused."""
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
            admission.give_up()
            for window in (*(window for _, window, _ in applying.windows), *slowed):
                window.used = max(0, window.used - 1)
            raise
        return Reservation(tuple(holds))

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
        if window.counted(now) + 1 > window.most:
            raise self._words.slowed(call, rule, window, pool, now=now, policy=said.policy, currency=said.currency)
        self._rates.pass_(window)
        admission.rules = " ".join(short for short in admission.rules.split() if short != rule.short_id)
        return window

    def _applying(self, call: Call, tool: str, at: datetime) -> Applying:
        version = self._rules.version + self._prices.version
        if version != self._version:
            self._version = version
            self._recent, self._older = {}, {}
        place = (id(call.grant), id(call.destination.route), tool)
        found = self._recent.get(place) or self._older.get(place)
        if found is None or not found.is_current(at):
            known, found = found, self._work_out(call, tool, at)
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
