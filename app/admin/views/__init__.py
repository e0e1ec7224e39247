"""The operator's pages, one module for each."""

from app.admin.views import money, organisations, post, stripe_events

blueprints = (organisations.bp, money.bp, stripe_events.bp, post.bp)
names = frozenset(blueprint.name for blueprint in blueprints)
"""By which the layout knows that a page is an operator's."""
