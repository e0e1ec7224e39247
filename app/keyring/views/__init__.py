"""The pages of keys. Importing them adds them to the one blueprint that they share."""

from app.keyring.views import changing, listing, making, one
from app.keyring.views.console import bp

__all__ = ["bp", "changing", "listing", "making", "one"]
