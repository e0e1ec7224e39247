"""Pages of leaked keys, the public form, and the address where GitHub reports what it found."""

from app.leaks.views import console, github, report

__all__ = ["blueprints", "console", "github", "report"]

blueprints = (console.bp, report.bp, github.bp)
