"""Usage as charts: from rows of the ledger to the plain geometry that templates draw."""

from collections.abc import Sequence

from app.metering.queries import DayUsage, ToolUsage
from app.web import charts


def calls_by_day(days: Sequence[DayUsage]) -> charts.BarChart:
    """Stacked bars, those that went well at the bottom; the last day is still counting."""
    went_well = charts.Series("Went well", tuple(float(day.calls - day.errors) for day in days), tone="1")
    failed = charts.Series("Failed", tuple(float(day.errors) for day in days), tone="danger")
    return charts.stacked_bars(
        [f"{day.day:%-d %b %Y}" for day in days],
        [went_well, failed],
        marks=[f"{day.day:%-d %b}" for day in days],
        open_from=len(days) - 1,
    )


def calls_by_tool(tools: Sequence[ToolUsage]) -> tuple[charts.Share, ...]:
    """One bar per tool, in the order given."""
    return charts.shares([(f"{row.integration} · {row.tool}", float(row.calls)) for row in tools])
