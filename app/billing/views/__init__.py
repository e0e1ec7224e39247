"""The pages of paying, and the address where Stripe tells us what happened."""

from app.billing.views import (
    agreeing,
    calls,
    home,
    invoices,
    limits,
    months,
    next_bill,
    plan,
    pricing,
    refused,
    wallet,
    webhook,
    what_if,
)
from app.billing.views.banner import banner
from app.billing.views.console import bp
from app.billing.views.notice import notice

__all__ = [
    "agreeing",
    "banner",
    "blueprints",
    "home",
    "invoices",
    "limits",
    "next_bill",
    "notice",
    "plan",
    "pricing",
    "refused",
    "wallet",
    "webhook",
]

blueprints = (limits.bp, months.bp, invoices.bp, calls.bp, what_if.bp, webhook.bp, pricing.bp, bp)
