"""The clock moves forward only and stays where it is put; what is known outlives a restart."""

import sqlite3

import pytest
import requests

from app.sandbox.stripe import KEY
from tests.ports import free_port
from tests.sandbox.processes import running as process
from tests.sandbox.stripe import running, shop
from tests.sandbox.stripe.running import DAY, START
from tests.waiting import PATIENCE_S


def clock(stripe, **sent):
    return requests.post(f"{stripe.url}/_clock", json=sent, timeout=PATIENCE_S)


def test_clock_is_moved_over_http(stripe):
    assert clock(stripe, by=DAY).json()["now"] == START + DAY
    told = clock(stripe, to=START + 3 * DAY).json()

    assert (told["now"], told["frozen"], stripe.now()) == (START + 3 * DAY, True, START + 3 * DAY)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"to": 1}, "forward only"),
        ({"by": 10**9}, "five years"),
        ({"by": "a day"}, "whole number"),
        ({"on": 1}, "any of"),
    ],
)
def test_clock_refuses_what_it_cannot_do(stripe, sent, words):
    answer = clock(stripe, **sent)

    assert (answer.status_code, words in answer.json()["error"]["message"]) == (400, True)


def test_clock_that_is_let_go_runs_with_the_real_one_again(stripe):
    clock(stripe, to=START + DAY, freeze=False)

    told = requests.get(f"{stripe.url}/_clock", timeout=PATIENCE_S).json()

    assert not told["frozen"]
    assert told["now"] >= START + DAY


def test_settings_are_checked(stripe):
    url = f"{stripe.url}/_settings"

    assert requests.post(url, json={"tax_percent": 19}, timeout=PATIENCE_S).json()["tax_percent"] == 19
    assert requests.post(url, json={"tax_percent": 190}, timeout=PATIENCE_S).status_code == 400
    assert requests.post(url, json={"dunning_ends": "never"}, timeout=PATIENCE_S).status_code == 400


def test_everything_outlives_a_restart(tmp_path):
    path = tmp_path / "stripe.db"
    with running.stand_in(path=path) as stripe:
        customer = shop.customer(stripe)
        shop.subscribe(stripe, customer.id, shop.flat(stripe, 3000))
        stripe.move(by=DAY)

    with running.stand_in(path=path) as stripe:
        assert stripe.now() == START + DAY
        stripe.move(by=40 * DAY)
        assert len(stripe.client.v1.invoices.list({"customer": customer.id}).data) == 2


def test_process_serves_until_it_is_stopped(tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    arguments = ("--port", str(port), "--database", str(tmp_path / "stripe.db"), "--portal-url", "http://127.0.0.1:9")
    with process("app.sandbox.stripe", *arguments, ready_url=f"{url}/_health", log=tmp_path / "log"):
        answer = requests.post(
            f"{url}/v1/customers", data={"name": "Acme"}, headers={"Authorization": f"Bearer {KEY}"}, timeout=PATIENCE_S
        )

    assert answer.json()["name"] == "Acme"
    with sqlite3.connect(tmp_path / "stripe.db") as database:
        assert database.execute("SELECT COUNT(*) FROM thing WHERE kind = 'customer'").fetchone() == (1,)
    database.close()
