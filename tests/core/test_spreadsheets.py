"""Text that spreadsheets would run is made harmless; everything else is as it was."""

import pytest

from app.core import spreadsheets


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", " =1", "\r@x", "\N{FULLWIDTH EQUALS SIGN}1"]
)
def test_what_would_be_run_is_text(text):
    assert spreadsheets.harmless(text) == f"'{text}"


@pytest.mark.parametrize("value", ["", "ci", "a=b", "'x", -5, 0, None])
def test_what_would_not_is_as_it_was(value):
    assert spreadsheets.harmless(value) == value
