"""The pages of paying, and the address where Stripe tells us what happened."""

from app.billing.views import calls, months, webhook, what_if

blueprints = (months.bp, calls.bp, what_if.bp, webhook.bp)
