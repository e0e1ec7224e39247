"""The list of GitHub's keys: asked for when it is needed, no more often, and nothing is believed without it."""

import json
from contextlib import contextmanager

import pytest

from app.core.errors import Unavailable
from app.core.net import Guard
from app.leaks import signers
from tests.leaks.hub import Signer

BODY = b"[]"


def asks(report, hub, status=200, signer=None, **more):
    """The answer to one report, and how often GitHub was asked for it."""
    before = len(hub.asked)
    report([], body=BODY, status=status, signer=signer or hub.signers[0], **more)
    return len(hub.asked) - before


def test_the_list_is_asked_for_once_and_kept_for_all_processes(report, hub, hand, new_browser):
    assert hub.asked == []  # nothing before the first report
    assert [asks(report, hub) for _ in range(3)] == [1, 0, 0]
    assert asks(report, hub, signer=hub.signers[1]) == 0
    assert hub.asked[0]["user-agent"] == "Postern"
    assert "authorization" not in hub.asked[0]

    hand.moves(hours=7)
    assert asks(report, hub) == 1
    assert hub.asked[1]["if-none-match"].startswith('W/"')  # and was answered 304
    assert asks(report, hub) == 0


def test_a_new_key_is_found_and_an_old_one_forgotten(report, hub, hand):
    asks(report, hub)
    old, new = hub.signers[0], Signer("d" * 64)
    hub.signers[0] = new

    assert asks(report, hub, status=401, signer=new) == 0  # asked a moment ago, when it was not in the list
    hand.moves(seconds=80)
    assert asks(report, hub, signer=new) == 1
    assert asks(report, hub, signer=old, status=401) == 0


def test_unknown_keys_make_us_ask_no_more_than_now_and_then(report, hub, hand):
    asks(report, hub)
    hand.moves(minutes=5)

    assert [asks(report, hub, status=401, signer=Signer(f"{number:064}")) for number in range(20)] == [1] + [0] * 19


def test_without_a_list_nothing_is_believed(report, hub, hand):
    hub.status = 500
    assert [asks(report, hub, status=503) for _ in range(3)] == [1, 0, 0]
    for body in (
        b"",
        b"{}",
        b'{"public_keys":[]}',
        b'{"public_keys":[{"key_identifier":"x","key":"y"}]}',
        b"[" * 9_999,
    ):
        hub.status, hub.body = 200, body
        hand.moves(minutes=2)
        assert asks(report, hub, status=503) == 1
    hub.body = None
    hand.moves(minutes=2)
    assert asks(report, hub) == 1


def test_a_known_list_outlives_a_day_without_github_and_no_more(report, hub, hand):
    asks(report, hub)
    hub.status = 500

    hand.moves(hours=23)
    assert asks(report, hub) == 1
    hand.moves(hours=2)
    assert asks(report, hub, status=503) == 1
    hub.status = 200
    hand.moves(minutes=2)
    assert asks(report, hub) == 1


def test_only_addresses_that_may_be_called_are(tmp_path, hub, session, now):
    """As every call to the outside, by the guard; what another address said before counts for nothing."""

    @contextmanager
    def transaction():
        yield session

    def pem(url, guard):
        return signers.pem_of("a" * 64, signers.Source(url, "tkn", guard), transaction, clock=lambda: now)

    open_guard = Guard(private_networks=["127.0.0.0/8"], requires_https=False)
    assert pem(hub.url, open_guard) == hub.signers[0].pem
    assert hub.asked[-1]["authorization"] == "Bearer tkn"
    with pytest.raises(Unavailable):
        pem(hub.url.replace("127.0.0.1", "localhost"), Guard())
    assert len(hub.asked) == 1
    assert json.loads(hub.list())["public_keys"][0]["key"] == pem(hub.url, open_guard)
