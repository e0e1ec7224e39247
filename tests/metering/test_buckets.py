"""Durations as counts in buckets: they lose nothing, and the percentiles read from them are as near as is said."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.metering import buckets
from app.metering.entry import Entry
from app.metering.ledger import DAYS, HOURS
from app.metering.ledger_connection import LedgerConnection
from app.metering.tally import Tally
from tests.metering.recording import row

durations = st.integers(1, buckets.BOUNDS_US[-1] * 2)


def counts_of(took):
    [hour] = Tally([Entry(row(duration_us=one)) for one in took], zone="").hours
    return hour[-buckets.COUNT :]


@settings(max_examples=60)
@given(st.lists(durations, min_size=1, max_size=60), st.sampled_from([50, 95, 99]))
def test_a_percentile_is_in_the_bucket_of_the_call_that_it_speaks_of(took, percent):
    at = -(-percent * len(took) // 100) - 1
    actual = sorted(took)[at]

    found = buckets.percentile_us(counts_of(took), percent)

    bounds = (0, *buckets.BOUNDS_US)
    lower = max(bound for bound in bounds if bound < actual)
    upper = min((bound for bound in bounds if bound >= actual), default=buckets.BOUNDS_US[-1])
    assert lower <= found <= upper
    assert sum(counts_of(took)) == len(took)


def test_bounds_rise_evenly_and_nothing_has_no_percentile():
    steps = [after / before for before, after in zip(buckets.BOUNDS_US, buckets.BOUNDS_US[1:], strict=False)]

    assert all(1.4 < step < 1.7 for step in steps)
    assert len(buckets.NAMES) == len(buckets.BOUNDS_US) + 1
    assert buckets.percentile_us([0] * buckets.COUNT, 50) is None


@pytest.mark.parametrize("table", [HOURS, DAYS])
def test_the_database_adds_up_buckets_and_leaves_out_what_took_no_time(engine, table):
    ledger = LedgerConnection(engine)
    for took in ([900, 1_000, 1_001], [61_000_000], [0]):
        ledger.write([Entry(row(duration_us=one, tokens_in=2, upstream_us=5)) for one in took])
    ledger.discard()

    with engine.connect() as connection:
        [found] = connection.execute(select(table)).mappings().all()

    assert [found[name] for name in buckets.NAMES] == [2, 1, *[0] * 23, 1]
    assert (found["calls"], found["tokens_in"], found["upstream_us"]) == (5, 10, 25)
