"""The operator's pages, one module for each."""

from app.admin.views import (
    acts,
    bills,
    leaving,
    money,
    organisation,
    organisations,
    people,
    plans,
    post,
    stripe_events,
    trail,
)

blueprints = (
    organisations.bp,
    organisation.bp,
    acts.bp,
    people.bp,
    leaving.bp,
    plans.bp,
    money.bp,
    bills.bp,
    stripe_events.bp,
    post.bp,
    trail.bp,
)
names = frozenset(blueprint.name for blueprint in blueprints)
"""By which the layout knows that a page is an operator's."""
