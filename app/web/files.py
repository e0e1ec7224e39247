"""Files to take along: CSV that spreadsheets read as values, never as formulas, and JSON."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence

from flask import Response

from app.core import spreadsheets


def as_csv(header: Sequence[str], rows: Iterable[Sequence[object]], *, name: str) -> Response:
    """A download. name: of the file, without its ending. Text that a spreadsheet would run gets a ' before it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(map(spreadsheets.harmless, header))
    writer.writerows(map(spreadsheets.harmless, row) for row in rows)
    return _download(text.getvalue(), f"{name}.csv", "text/csv")


def as_json(content: Mapping[str, object], *, name: str) -> Response:
    """A download."""
    text = json.dumps(content, ensure_ascii=False, indent=2)
    return _download(text, f"{name}.json", "application/json")


def _download(text: str, name: str, mimetype: str) -> Response:
    return Response(text, mimetype=mimetype, headers={"Content-Disposition": f'attachment; filename="{name}"'})
