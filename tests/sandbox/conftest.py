"""What all tests of the stand-ins share."""

import os

import pytest


@pytest.fixture(autouse=True)
def default_settings(monkeypatch):
    """Nobody's own settings of Postern decide what these tests see."""
    for name in os.environ:
        if name.startswith("POSTERN_"):
            monkeypatch.delenv(name)
