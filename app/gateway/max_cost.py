"""Max-Cost: what a caller wants to spend on one call at most, as “0.05 usd” (an amount in the major unit)."""

from app.core.errors import Invalid
from app.gateway.errors import Refused
from app.metering import attempts
from app.plans import amounts
from app.plans.prices import Price

HEADER = b"max-cost"


def check(said: bytes, price: Price | None, *, currency: str) -> None:
    """Raises Refused when the call may cost more, or when it is not an amount: then nobody knows what was meant."""
    try:
        most = amounts.parse(said.decode("ascii", "replace"), currency=currency)
    except Invalid as problem:
        raise Refused(attempts.MALFORMED, f"the header Max-Cost: {problem.message}") from None
    ceiling = price.ceiling_nanos if price is not None else 0
    if ceiling > most:
        costs, allowed = (amounts.shown(nanos, currency=currency) for nanos in (ceiling, most))
        words = f"it costs {costs}, and Max-Cost allows {allowed}. Nothing was sent, and nothing is charged."
        raise Refused(attempts.OVER_MAX_COST, words)
