"""What calls add up to: the sums of totals and their buckets, and what can be read from them."""

from dataclasses import dataclass, field

from app.metering import buckets, models

CALLS, ERRORS, P50, P95, P99 = "calls", "errors", "p50", "p95", "p99"
BYTES, TOKENS, SPEND = "bytes", "tokens", "spend"
METRICS = {
    CALLS: "Calls",
    ERRORS: "Errors",
    P50: "Duration, p50",
    P95: "Duration, p95",
    P99: "Duration, p99",
    BYTES: "Bytes",
    TOKENS: "Tokens",
    SPEND: "Spend",
}
"""What can be shown, and what it is called."""
SHARES = {P50: 50, P95: 95, P99: 99}
COLUMNS: dict[str, tuple[str, ...]] = {
    CALLS: ("calls",),
    ERRORS: ("errors",),
    **dict.fromkeys(SHARES, ("calls", "duration_us", *buckets.NAMES)),
    BYTES: ("bytes_in", "bytes_out"),
    TOKENS: ("tokens_in", "tokens_out"),
    SPEND: ("amount_nanos",),
}
"""The sums that each of them needs."""
ALL = (*models.SUMS, *buckets.NAMES)
EVERYTHING = "everything"
"""Not to be chosen: all sums but durations."""
COLUMNS[EVERYTHING] = models.SUMS
WHOLE = "whole"
"""Neither: all sums with durations."""
COLUMNS[WHOLE] = ALL


@dataclass(slots=True)
class Figures:
    """Sums by the names of the totals' columns; what was not asked for is 0."""

    sums: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int:
        return self.sums.get(name, 0)

    def __add__(self, other: "Figures") -> "Figures":
        return Figures({name: self[name] + other[name] for name in {*self.sums, *other.sums}})

    def __sub__(self, other: "Figures") -> "Figures":
        return Figures({name: self[name] - other[name] for name in {*self.sums, *other.sums}})

    @property
    def calls(self) -> int:
        """Lines of the ledger."""
        return self["calls"]

    @property
    def errors(self) -> int:
        """Those that did not end “ok”."""
        return self["errors"]

    @property
    def amount_nanos(self) -> int:
        """As charged call by call, before what a month adds (minimums, base fees, rounding)."""
        return self["amount_nanos"]

    @property
    def bytes(self) -> int:
        """Both ways."""
        return self["bytes_in"] + self["bytes_out"]

    @property
    def tokens(self) -> int:
        """Both ways."""
        return self["tokens_in"] + self["tokens_out"]

    @property
    def p50_us(self) -> int | None:
        """Half of the calls took no longer; None when nothing is known."""
        return self.percentile_us(P50)

    @property
    def p95_us(self) -> int | None:
        """The same of 95 in 100."""
        return self.percentile_us(P95)

    @property
    def p99_us(self) -> int | None:
        """The same of 99 in 100."""
        return self.percentile_us(P99)

    def percentile_us(self, metric: str) -> int | None:
        """P50, P95 or P99, as near as buckets tell; of one call alone, what it took."""
        counts = [self[name] for name in buckets.NAMES]
        if sum(counts) == 1 == self.calls:
            return self["duration_us"]
        return buckets.percentile_us(counts, SHARES[metric])

    def of(self, metric: str) -> int | None:
        """A metric's value: a count, bytes, microseconds, or nano-minor-units."""
        if metric in SHARES:
            return self.percentile_us(metric)
        return sum(self[name] for name in COLUMNS[metric])
