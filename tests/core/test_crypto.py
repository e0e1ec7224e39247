"""Sealed values open only with the token they were sealed with, and only for a while."""

import time

from app.core import crypto, ids


def test_sealed_text_opens_with_the_same_token():
    token = crypto.random_token()

    assert crypto.unseal(token, crypto.seal(token, "secret"), ttl_s=60) == "secret"


def test_sealed_text_stays_shut_for_another_token():
    sealed = crypto.seal(crypto.random_token(), "secret")

    assert "secret" not in sealed
    assert crypto.unseal(crypto.random_token(), sealed, ttl_s=60) is None


def test_sealed_text_stays_shut_after_its_time(monkeypatch):
    token = crypto.random_token()
    sealed = crypto.seal(token, "secret")
    later = time.time() + 61

    monkeypatch.setattr(time, "time", lambda: later)

    assert crypto.unseal(token, sealed, ttl_s=60) is None


def test_ids_sort_by_time(monkeypatch):
    moments = iter([1_000_000_000_000_000_000, 1_000_000_000_001_000_000, 2_000_000_000_000_000_000])
    monkeypatch.setattr(time, "time_ns", lambda: next(moments))

    made = [ids.receipt_id() for _ in range(3)]

    assert made == sorted(made)
    assert all(len(receipt) == 30 for receipt in made)
