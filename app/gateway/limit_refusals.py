"""What a caller is told whom a limit stops: which, whose, until when, and who can raise it."""

from datetime import UTC, datetime, timedelta

from app.core.config import Settings
from app.gateway import auth, rate_headers
from app.gateway.call import Call
from app.gateway.errors import Refused
from app.gateway.reply import HeaderList
from app.limits import models, wording
from app.limits.book import Pool
from app.limits.rates import Gauge, Window
from app.limits.rules import Rule
from app.metering import attempts

SAID_STATUS = 200
"""For whatever waits for an answer, whose clients would lose the words with anything else (docs/adr/0004)."""

FLOOD = 100
"""Who is refused more often than that within one window, and than may pass in it, is told by the status."""
NOT_PAID = {
    models.WALLET: "your organisation's prepaid balance is used up: what is left does not pay for this call.",
    models.BILLING: "calls of tools that have a price, free units too, are stopped: the plan is paused or not paid "
    "for. They pass again within seconds once that is mended; tools without a price still answer.",
}


class Words:
    """Makes refusals; whoever gets one raises it."""

    def __init__(self, settings: Settings) -> None:
        self._portal_url = settings.portal_url
        self._operator = settings.operator
        self._currency = settings.currency

    def rate(self, call: Call, rule: Rule, window: Window, *, now: float, policy: bytes) -> Refused:
        """A rate is used up for a moment. Who goes on all the same, past as much again, gets 429 for everything."""
        window.refused += 1
        wait_s = max(1, int(window.wait_s(now)) + 1)
        resets_at = datetime.fromtimestamp(int(now) + wait_s, UTC)
        return self._refused(
            call,
            rule,
            attempts.RATE_LIMITED,
            f"Try again in {_span(wait_s)}, at {_moment(resets_at)}.",
            resets_at=resets_at,
            headers=[
                (b"retry-after", b"%d" % wait_s),
                (rate_headers.POLICY, policy),
                (rate_headers.LIMIT, b"%b;r=0;t=%d" % (rate_headers.name_of(rule), wait_s)),
            ],
            is_status=window.refused > max(rule.most, FLOOD),
        )

    def streams(self, call: Call, rule: Rule, gauge: Gauge, *, policy: bytes) -> Refused:
        """Too many are open."""
        name = rate_headers.name_of(rule)
        return self._refused(
            call,
            rule,
            attempts.TOO_MANY_STREAMS,
            "Close one, and the next can be opened at once.",
            resets_at=None,
            headers=[
                (rate_headers.POLICY, b", ".join(filter(None, (policy, rate_headers.policy([rule]))))),
                (rate_headers.LIMIT, rate_headers.of_gauge(name, gauge)),
            ],
            is_status=not call.envelope.is_metered,
        )

    def used_up(self, call: Call, rule: Rule, pool: Pool, *, at: datetime, policy: bytes, currency: str) -> Refused:
        """An allowance or a cap has no room for this call. currency: what the organisation pays in."""
        if rule.set_by in (models.WALLET, models.BILLING):
            return self._not_paid(call, rule, policy=policy, currency=currency)
        left_s = int((pool.ends_at - at).total_seconds()) + 1
        is_cap = rule.measure == models.SPEND
        headers: HeaderList = [(rate_headers.POLICY, policy)] if policy else []
        if not is_cap:
            headers.append((rate_headers.LIMIT, b"%b;r=0;t=%d" % (rate_headers.name_of(rule), left_s)))
        return self._refused(
            call,
            rule,
            attempts.CAP_REACHED if is_cap else attempts.ALLOWANCE_USED,
            f"{'This call would go beyond that' if is_cap else 'That is used up'}; a new {rule.period} begins at "
            f"{_moment(pool.ends_at)}.",
            resets_at=pool.ends_at,
            headers=headers,
            currency=currency,
        )

    def slowed(
        self, call: Call, rule: Rule, window: Window, pool: Pool, *, now: float, policy: bytes, currency: str
    ) -> Refused:
        """A cap is reached that lets some calls of each minute go on, and this minute's have."""
        window.refused += 1
        wait_s = max(1, int(window.wait_s(now)) + 1)
        headers: HeaderList = [(b"retry-after", b"%d" % wait_s)]
        return self._refused(
            call,
            rule,
            attempts.RATE_LIMITED,
            f"This call would go beyond that, so {window.most} calls a minute pass until {_moment(pool.ends_at)}; try "
            f"again in {_span(wait_s)}.",
            resets_at=datetime.fromtimestamp(int(now) + wait_s, UTC),
            headers=headers + ([(rate_headers.POLICY, policy)] if policy else []),
            is_status=window.refused > FLOOD,
            currency=currency,
        )

    def _not_paid(self, call: Call, rule: Rule, *, policy: bytes, currency: str) -> Refused:
        """Nothing begins anew by itself: it needs money, or a gift."""
        mends = wording.where_to_raise(rule, portal_url=self._portal_url, operator=self._operator)
        return Refused(
            attempts.CAP_REACHED if rule.set_by == models.WALLET else attempts.NOT_PAID,
            f"{NOT_PAID[rule.set_by]} {mends}",
            status=SAID_STATUS if call.envelope.wants_answer else None,
            headers=[(rate_headers.POLICY, policy)] if policy else [],
            rule_id=rule.id,
            data={
                "limit": wording.typed(rule, currency=currency or self._currency),
                "scope": wording.scope(rule),
                "resetAt": None,
            },
        )

    def unknown(self, rule: Rule) -> Refused:
        """The database is away, and what was held in advance is used up or may not be trusted any more."""
        name = wording.limit(rule, currency=self._currency)
        words = f"whether there is room within {name} cannot be checked just now. Nothing was charged; try again soon."
        return Refused(attempts.UNAVAILABLE, words, status=SAID_STATUS, rule_id=rule.id)

    def _refused(
        self,
        call: Call,
        rule: Rule,
        reason: str,
        advice: str,
        *,
        resets_at: datetime | None,
        headers: HeaderList,
        is_status: bool = False,
        currency: str = "",
    ) -> Refused:
        """is_status: whether the HTTP status has to say it, whoever asks. currency: "" for the installation's."""
        currency = currency or self._currency
        whose = wording.whose(rule, key_hint=auth.hint_in(call.incoming.lines))
        what = f"{whose} may have {wording.limit(rule, currency=currency)}{_of_what(call, rule)}"
        raising = wording.where_to_raise(rule, portal_url=self._portal_url, operator=self._operator)
        return Refused(
            reason,
            f"{what}. {advice} {raising}",
            status=SAID_STATUS if call.envelope.wants_answer and not is_status else None,
            headers=headers,
            rule_id=rule.id,
            data={
                "limit": wording.typed(rule, currency=currency),
                "scope": wording.scope(rule),
                "resetAt": resets_at.isoformat().replace("+00:00", "Z") if resets_at is not None else None,
            },
        )


def _of_what(call: Call, rule: Rule) -> str:
    where = f" of “{call.destination.route.name}”" if rule.integration_id is not None else ""
    return f" for “{rule.tool}”{where}" if rule.tool else where


def _span(seconds: int) -> str:
    if seconds < 120:
        return "a second" if seconds == 1 else f"{seconds} seconds"
    return f"{timedelta(seconds=seconds) // timedelta(minutes=1)} minutes"


def _moment(at: datetime) -> str:
    """To the second, or to the day where it begins one."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at.second or at.minute or at.hour else f"{at:%Y-%m-%d} 00:00 UTC"
