"""Pages that show what was used: Your first call, Usage, the calls behind it, and what was refused."""

from app.metering.views import calls, first_call, refused, usage

blueprints = (first_call.bp, usage.bp, calls.bp, refused.bp)
