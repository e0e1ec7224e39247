"""Moments as the database cuts them, the same on both."""

from typing import Any

from sqlalchemy import ColumnElement, String, func, literal_column
from sqlalchemy import type_coerce as as_type

from app.core.db import UtcDateTime


def start_of(period: str, at: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """The first moment (UTC) of the hour, day or month that holds a moment, as the database stores moments."""
    if dialect == "sqlite":
        form = {"hour": "%Y-%m-%d %H:00", "day": "%Y-%m-%d 00:00", "month": "%Y-%m-01 00:00"}[period]
        return as_type(func.strftime(f"{form}:00.000000", as_type(at, String)), UtcDateTime)
    return as_type(func.date_trunc(literal_column(f"'{period}'"), at, literal_column("'UTC'")), UtcDateTime)
