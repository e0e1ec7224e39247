"""A stand-in for Stripe: its paths, shapes, refusals and events, so that nobody needs an account. No money moves.

It speaks one version of the API, 2026-10-28.endive, and computes invoices with arithmetic of its own: one that shared
Postern's would agree with Postern's mistakes. What it does and leaves out: docs/operate/stripe-stand-in.md.
"""

API_VERSION = "2026-10-28.endive"

KEY = "stand-in-key"
WEBHOOK_SECRET = "stand-in-webhook-secret"  # noqa: S105  (known to everyone; the stand-in answers on loopback only)
WEBHOOK_PATH = "/stripe/webhook"
"""Where the portal hears of events."""
