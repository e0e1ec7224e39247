"""Pages that show what was used: Home, Your first call, Usage. Figures come from usage.py, calls from
queries.py."""

from app.metering.views import calls, first_call, home, usage

blueprints = (home.bp, first_call.bp, usage.bp, calls.bp)
