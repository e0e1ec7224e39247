"""The operator's pages, one module for each."""

from app.admin.views import organisations, stripe_events

blueprints = (organisations.bp, stripe_events.bp)
names = frozenset(blueprint.name for blueprint in blueprints)
"""By which the layout knows that a page is an operator's."""
