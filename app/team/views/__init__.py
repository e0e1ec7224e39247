"""The pages on which an organisation is run: which ones there are, its settings, and its end."""

from app.team.views import deleting, organisations, ownership, settings

blueprints = (organisations.bp, settings.bp)

__all__ = ["blueprints", "deleting", "ownership"]
