"""The pages of paying, and the address where Stripe tells us what happened."""

from app.billing.views import calls, months, webhook

blueprints = (months.bp, calls.bp, webhook.bp)
