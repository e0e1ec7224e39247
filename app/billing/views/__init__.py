"""The pages of paying, and the address where Stripe tells us what happened."""

from app.billing.views import webhook

blueprints = (webhook.bp,)
