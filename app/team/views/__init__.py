"""The pages on which an organisation is run: which ones there are, its settings, its people, and its end."""

from app.team.views import deleting, inviting, joining, members, organisations, ownership, settings

blueprints = (organisations.bp, settings.bp, members.bp, joining.bp)

__all__ = ["blueprints", "deleting", "inviting", "ownership"]
