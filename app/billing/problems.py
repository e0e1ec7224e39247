"""What can go wrong with Stripe, in the families that the rest of Postern knows."""

from app.core.errors import Conflict, Invalid, NotFound, Unavailable


class StripeAway(Unavailable):
    """No answer, or one that says to try again: nothing is known of whether it was done. Repeat with the same key."""


class StripeRefused(Invalid):
    """It understood, and will not, however often it is asked. code: Stripe's word for why, "" when it has none."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Declined(Conflict):
    """The card was declined; the message is Stripe's, for the person whose card it is."""


class Missing(NotFound):
    """There is no such object at Stripe in this mode."""


class NoStripe(Unavailable):
    """This installation is not connected to Stripe."""
