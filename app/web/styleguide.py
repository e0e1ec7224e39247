"""/styleguide: every component in every state, in each layout; the portal registers it in development only.

The data is made up but true to life, and the same on each call, so that two screenshots differ only by the design.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, Form, SelectChoice, SelectField, StringField, TextAreaField, validators

from app.web import charts
from app.web.guards import public

NOW: Final = datetime(2026, 11, 22, 14, 3, 22, tzinfo=UTC)
LAYOUTS: Final = ("public", "console", "operator")
KEY: Final = "pst_live_" + "7hQ2mZ9cKfWx4RtB8nLsVyJ3pDgA6E" + "2kXw1T"
"""Looks like a key and is none: its checksum is wrong."""

bp = Blueprint("styleguide", __name__)


class KeyForm(Form):  # type: ignore[misc]  # WTForms ships no types
    """A form with one of each control."""

    name = StringField("Name", [validators.InputRequired("Give the key a name.")])
    lifetime = SelectField("Expires", choices=[SelectChoice("90", "In 90 days"), SelectChoice("0", "Never")])
    note = TextAreaField("What it is for")
    stored = BooleanField("I have stored the key", [validators.InputRequired("Tick this once the key is stored.")])


@dataclass(frozen=True)
class Named:
    """Anything that layouts only call by its name."""

    name: str


@dataclass(frozen=True)
class House(Named):
    """An organisation that nobody has stopped."""

    id: UUID
    stopped_at: datetime | None = None


_NAMES: Final = (
    *("Acme Research", "Blue Harbour", "Cobalt", "Delta Foods", "Elm Street", "Fjord", "Granite", "Heron Labs"),
    *("Indigo", "Juniper", "Kestrel Air", "Linden"),
)
HOUSES: Final = tuple(House(name, UUID(int=place)) for place, name in enumerate(("Okafor Freight", "Harbour tests"), 3))


@dataclass(frozen=True)
class Visitor:
    """What layouts read of `current`."""

    person: Named
    here: House
    places: tuple[House, ...]


@bp.get("/styleguide")
@public
def index() -> ResponseReturnValue:
    chosen = request.args.get("layout", "public")
    layout = chosen if chosen in LAYOUTS else "public"
    return render_template("styleguide/index.html", **samples(), **_surroundings(layout))


def samples() -> Mapping[str, object]:
    """What the page shows, by the names its template uses."""
    wrong = KeyForm(data={"name": "", "lifetime": "90", "note": "Nightly import", "stored": False})
    wrong.validate()
    return {
        "now": NOW,
        "key": KEY,
        "form": KeyForm(data={"name": "ci", "lifetime": "90", "note": "", "stored": True}),
        "wrong_form": wrong,
        "by_day": _calls_by_day(),
        "by_hour": _calls_by_hour(),
        "nothing_by_day": charts.stacked_bars(
            charts.day_marks(_days(14))[0],
            [charts.Series("Calls", (0.0,) * 14, "1")],
            marks=charts.day_marks(_days(14))[1],
        ),
        "spark": charts.sparkline([3, 5, 4, 9, 12, 8, 7, 15, 11, 18, 14, 22]),
        "flat_spark": charts.sparkline([]),
        "by_tool": charts.shares(
            [("search_orders", 8412), ("quote", 3106), ("convert_time", 977), ("render_chart", 214), ("reverse", 12)],
            urls=["#chart"] * 5,
        ),
        "houses": [House(name, UUID(int=place)) for place, name in enumerate(_NAMES)],
        "calls": _calls(),
        "snippets": _snippets(),
    }


def _surroundings(layout: str) -> Mapping[str, object]:
    is_console = layout != "public"
    return {
        "layout": layout,
        "layouts": [
            {
                "label": name.capitalize(),
                "url": url_for("styleguide.index", layout=name),
                "is_current": name == layout,
            }
            for name in LAYOUTS
        ],
        "current": Visitor(Named("Mira Okafor"), HOUSES[0], HOUSES) if is_console else None,
        "nav": [
            {"label": "Home", "url": "#page", "icon": "home", "is_current": True},
            {
                "label": "Your first call",
                "short": "First call",
                "url": "#code",
                "icon": "first-call",
                "is_current": False,
            },
            {"label": "Keys", "url": "#table", "icon": "key", "is_current": False},
            {"label": "Usage", "url": "#chart", "icon": "usage", "is_current": False},
            {
                "label": "Sessions and sign-in",
                "short": "Sign-in",
                "url": "#notice",
                "icon": "session",
                "is_current": False,
            },
        ],
        "person_nav": [{"label": "Sessions and sign-in", "url": "#notice", "icon": "session"}],
        "sign_in_url": "#page",
        "sign_out_url": "#page",
        "switch_url": "#page",
        "organisations_url": "#page",
        "console_url": "#page",
    }


def _days(count: int) -> list[datetime]:
    midnight = NOW.replace(hour=0, minute=0, second=0)
    return [midnight - timedelta(days=count - 1 - index) for index in range(count)]


def _calls_by_day() -> charts.BarChart:
    labels, marks = charts.day_marks(_days(30))
    answered = [_wave(index, 420) for index in range(30)]
    failed = [round(value * 0.03) + (140 if index == 17 else 0) for index, value in enumerate(answered)]
    series = [
        charts.Series("Answered", tuple(answered), "1"),
        charts.Series("Failed", tuple(float(value) for value in failed), "danger"),
    ]
    return charts.stacked_bars(labels, series, marks=marks, open_from=29)


def _calls_by_hour() -> charts.BarChart:
    hours = [NOW.replace(minute=0, second=0) - timedelta(hours=23 - index) for index in range(24)]
    labels, marks = charts.hour_marks(hours)
    tools = ("search_orders", "quote", "convert_time", "render_chart", "reverse", "everything else")
    series = [
        charts.Series(name, tuple(_wave(index + 5 * place, 90 / (place + 1)) for index in range(24)), str(place + 1))
        for place, name in enumerate(tools)
    ]
    return charts.stacked_bars(labels, series, marks=marks, open_from=23)


def _wave(index: int, size: float) -> float:
    """Ups and downs with quiet weekends, without chance: the same on each call."""
    rest = 0.35 if index % 7 in {0, 6} else 1.0
    return float(round(size * rest * (1 + 0.03 * index + 0.25 * ((index * 37) % 11) / 11)))


def _calls() -> list[Mapping[str, object]]:
    rows = [
        ("ci", "search_orders", "Answered", "ok", 12_400, 1840, 7),
        ("laptop", "quote", "Answered", "ok", 348_000, 24_100, 41),
        ("ci", "render_chart", "Failed", "danger", 1_204_000, 612, 126),
        ("laptop", "convert_time", "Answered", "ok", 8_100, 488, 3_720),
        ("ci", "search_orders", "Cut off", "warn", 30_000_000, 0, 90_000),
    ]
    return [
        {
            "at": NOW - timedelta(seconds=age_s),
            "key": key,
            "tool": tool,
            "status": status,
            "tone": tone,
            "duration_us": duration_us,
            "size_bytes": size_bytes,
            "receipt": f"rcp_01KANT{index}8Q2M4ZP7V9XWD3H5RCE"[:30],
        }
        for index, (key, tool, status, tone, duration_us, size_bytes, age_s) in enumerate(rows)
    ]


def _snippets() -> list[Mapping[str, str]]:
    address = "http://127.0.0.1:8301/k/sampler/mcp"
    curl = (
        f"curl {address} \\\n  -H 'Authorization: Bearer {KEY}' \\\n  -H 'Content-Type: application/json' \\\n"
        '  -d \'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "quote"}}\''
    )
    python = (
        "import asyncio\nfrom mcp import Client\n\n\nasync def main() -> None:\n"
        f'    async with Client("{address}", headers={{"Authorization": "Bearer {KEY}"}}) as client:\n'
        '        print(await client.call_tool("quote", {}))\n\n\nasyncio.run(main())'
    )
    claude = f"claude mcp add --transport http sampler {address} \\\n  --header 'Authorization: Bearer {KEY}'"
    return [
        {"id": "curl", "label": "curl", "text": curl},
        {"id": "python", "label": "Python", "text": python},
        {"id": "claude", "label": "Claude Code", "text": claude},
    ]
