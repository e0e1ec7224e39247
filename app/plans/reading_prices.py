"""Reading prices in plans.toml: how much of a metric costs what."""

from collections.abc import Mapping

from app.core.errors import Invalid
from app.plans import amounts, metrics, rating
from app.plans.rating import Scheme, Tier
from app.plans.toml_fields import Field

_SHAPES = ("each", rating.GRADUATED, rating.VOLUME, "package")
_KNOWN = (*_SHAPES, "per", "price", "free", "minimum")
_HOW = (
    'say what it costs in one way: each = "0.002", graduated = [{ up_to = 1000, each = "0.002" }, { each = "0.001" }], '
    'volume = [ … ], or package = 1000 with price = "2.00".'
)


def schemes(field: Field, currency: str) -> dict[str, Scheme]:
    """Of one currency's table: metric to scheme."""
    found = {metric: scheme(at, currency) for metric, at in field.table(metrics.METRICS).items()}
    if not found:
        field.wrong('price at least one metric, like calls = { each = "0.002" }.')
    return {metric: found[metric] for metric in metrics.METRICS if metric in found}


def scheme(field: Field, currency: str) -> Scheme:
    """Of one metric."""
    told = field.table(_KNOWN)
    if len([shape for shape in _SHAPES if shape in told]) != 1 or ("price" in told) != ("package" in told):
        field.wrong(_HOW)
    free = told["free"].whole() if "free" in told else 0
    minimum_nanos = told["minimum"].amount(currency) if "minimum" in told else 0
    if free and (rating.VOLUME in told or "package" in told):
        told["free"].wrong("free units go with each or graduated prices; here, make the first tier or package cheap.")
    per = told["per"].whole(least=1) if "per" in told else 1
    if "each" in told:
        made = Scheme(nanos=_each(told["each"], currency, per), free=free, minimum_nanos=minimum_nanos)
    elif "package" in told:
        package = told["package"].whole(least=1)
        nanos = told["price"].amount(currency)
        made = Scheme(rating.PACKAGE, nanos=nanos, package=package, minimum_nanos=minimum_nanos)
    else:
        kind = rating.GRADUATED if rating.GRADUATED in told else rating.VOLUME
        found = tuple(_tier(at, currency, per) for at in told[kind].items())
        if found and found[0].flat_nanos and not free:
            told[kind].wrong("a flat amount on the first tier is due without any use: make it the plan's base fee.")
        made = Scheme(kind, tiers=found, free=free, minimum_nanos=minimum_nanos)
    try:
        rating.check(made)
    except Invalid as problem:
        field.wrong(problem.message)
    return made


def check_ceiling(field: Field, prices: Mapping[str, Scheme], max_per_call: Mapping[str, int]) -> None:
    """Raises Invalid if a call could cost more than can be counted."""
    most = sum(rating.ceiling(max_per_call.get(metric, 1), scheme) for metric, scheme in prices.items())
    if most > amounts.LARGEST_NANOS // 1_000_000:
        field.wrong("a single call could cost more than can be counted.")


def _each(field: Field, currency: str, per: int) -> int:
    nanos = field.amount(currency)
    if nanos % per:
        field.wrong(f"this does not divide by {per:,} without a rest of less than a billionth of a cent.")
    return nanos // per


def _tier(field: Field, currency: str, per: int) -> Tier:
    told = field.table(("up_to", "each", "flat"))
    if "each" not in told:
        field.wrong('say what one costs in this tier: each = "0.001".')
    return Tier(
        told["up_to"].whole(least=1) if "up_to" in told else None,
        _each(told["each"], currency, per),
        told["flat"].amount(currency) if "flat" in told else 0,
    )
