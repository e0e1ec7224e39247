"""What calls come to is asked in one place, and what is charged for it in another: a page that added up by itself could
say another number.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOTALS = {
    *("UsageHour", "UsageDay", "UsageFacet", "UsageDayPrice"),
    *("HOURS", "DAYS", "FACETS", "DAY_PRICES"),
}
READERS = {
    "app/metering/usage.py": "what calls come to: pages, files, the API",
    "app/billing/used.py": "what is charged for: bills and spending",
    "app/metering/totals.py": "holds totals against events: `postern verify`",
    "app/metering/ledger.py": "writes them",
    "app/metering/queries.py": "whether there are any; calls of all organisations, for operators",
    "app/billing/watching.py": "how far limits are used: parts of a month in units",
    "app/unusual/hours.py": "how an hour compares with those before it, of all organisations at once",
    "app/keyring/listing.py": "sorts keys by their spend, in the database; what it shows is from usage.py",
}
MODULES = {"app.metering.models", "app.metering.ledger"}


def reads(path):
    """The totals that a module imports."""
    return {
        name.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module in MODULES
        for name in node.names
        if name.name in TOTALS
    }


def test_totals_are_read_where_it_is_written_down_and_nowhere_else():
    found = {str(path.relative_to(ROOT)) for path in (ROOT / "app").rglob("*.py") if reads(path)}

    assert found == set(READERS)
    assert not [
        str(path.relative_to(ROOT))
        for path in (ROOT / "app").rglob("*.py")
        if any(f"{module}.{name}" in path.read_text() for module in ("ledger", "models") for name in TOTALS)
        and str(path.relative_to(ROOT)) not in {*READERS, "app/metering/verification.py"}
    ]
