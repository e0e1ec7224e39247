"""Moments in requests by a caller who lives by the real clock, while the stand-in's was moved on: what they mean here.

Where the clock was not moved, or stands still (whoever stops it knows its time), a moment is what it says.
"""

from app.sandbox.stripe.desk import Desk


def about_now(desk: Desk, moment: int, *, earliest: int) -> int:
    """A moment that is counted from now. Before `earliest` it was counted from the real now, and is moved on as far as
    the clock was.
    """
    return moment + desk.ahead_s() if moment < earliest else moment


def already(desk: Desk, moment: int) -> int:
    """A moment that has been for whoever asks: once the real clock has passed it, it is moved on with the clock."""
    return about_now(desk, moment, earliest=_real_now(desk) + 1)


def still_ahead(desk: Desk, moment: int, *, end: int) -> int:
    """A moment to come. Past here, and not by the real clock, it means `end`: of the period that is under way here."""
    return end if _real_now(desk) < moment <= desk.now() else moment


def _real_now(desk: Desk) -> int:
    return desk.now() - desk.ahead_s()
