"""Pages that show what was used: Your first call, Usage, and the calls behind it."""

from app.metering.views import calls, first_call, usage

blueprints = (first_call.bp, usage.bp, calls.bp)
