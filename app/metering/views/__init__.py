"""Pages that show what was used: Home, Your first call, Usage. All of them read app/metering/queries.py."""

from app.metering.views import first_call, home, usage

blueprints = (home.bp, first_call.bp, usage.bp)
