"""The operator's pages, one module for each."""

from app.admin.views import bills, money, organisations, plans, post, stripe_events

blueprints = (organisations.bp, plans.bp, money.bp, bills.bp, stripe_events.bp, post.bp)
names = frozenset(blueprint.name for blueprint in blueprints)
"""By which the layout knows that a page is an operator's."""
