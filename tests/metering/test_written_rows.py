"""What the ledger is given is what it holds, whatever the way there."""

from datetime import timedelta, timezone
from uuid import UUID

import pytest

from app.metering import issuing
from app.metering.entry import Entry
from app.metering.ledger_connection import LedgerConnection
from tests.conftest import NOW
from tests.metering.recording import events_in, row, sums_in


def test_every_column_is_kept_as_it_was_given(engine):
    """By the plain statements of the ledger as by SQLAlchemy: text, moments, ids and numbers come back the same."""
    said = [
        row(
            at=NOW.astimezone(timezone(timedelta(hours=-9))),
            price_version_id=UUID(int=5),
            error_class="none",
            rules="a b",
        ),
        row(tool="größe 'x' \\ \"", tokens_in=2**40, tokens_out=3, amount_nanos=-1, idempotency_digest="ab", units=-1),
        row(
            organisation_id=UUID(int=2**128 - 1), request_id="req_2", upstream_us=0, tool_version="", environment="test"
        ),
    ]
    ledger = LedgerConnection(engine)

    ledger.write([Entry(one) for one in said])
    ledger.write([Entry(alone := row(at=NOW.replace(microsecond=1)))])
    ledger.discard()

    kept = events_in(engine)
    assert [issuing.row_of(kept[one["id"]]) for one in [*said, alone]] == [*said, alone]


def test_a_group_of_many_statements_is_counted_whole(engine):
    entries = [Entry(row(tool=f"tool {n % 90}", organisation_id=UUID(int=n % 70))) for n in range(200)]
    ledger = LedgerConnection(engine)

    ledger.write(entries)
    ledger.discard()

    assert sums_in(engine) == (200, 200)
    assert sorted(entry.month.units for entry in entries) == [1] * 70 + [2] * 70 + [3] * 60


def test_a_naive_moment_is_refused(engine):
    ledger = LedgerConnection(engine)

    with pytest.raises(ValueError, match="time zone"):
        ledger.write([Entry(row(at=NOW.replace(tzinfo=None)))])
    ledger.discard()

    assert events_in(engine) == {}
