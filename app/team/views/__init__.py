"""The pages on which an organisation is run: which ones there are, its settings, its people, and its end."""

from app.team.views import deleting, inviting, joining, members, organisations, own_provider, ownership, settings, sso

blueprints = (organisations.bp, settings.bp, members.bp, joining.bp, own_provider.bp, sso.bp)

__all__ = ["blueprints", "deleting", "inviting", "ownership"]
