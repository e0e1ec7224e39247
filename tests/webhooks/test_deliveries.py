"""What is told is signed, delivered, tried again if need be, and never sent where it must not go."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from app.core.audit import AuditEntry
from app.core.errors import Invalid
from app.core.net import Guard
from app.core.vault import Vault
from app.webhooks import sending, services
from app.webhooks.models import DELIVERED, FAILED, LIMIT_PASSED, WAITING, WebhookDelivery
from tests.webhooks.receiver import Receiver

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def tell(session, organisation, now):
    def go(key="one", **data):
        count = services.tell(session, organisation_id=organisation.id, kind=LIMIT_PASSED, data=data, key=key, now=now)
        session.commit()
        return count

    return go


@pytest.fixture
def run(engine, guard, safe, now):
    """Sends what is due: `run(after_s=5)`."""

    def go(*, after_s=0, guard=guard):
        return sending.run(engine, guard, safe, clock=lambda: now + timedelta(seconds=after_s))

    return go


def only(session):
    session.expire_all()
    return session.exec(select(WebhookDelivery)).one()


def is_signed(headers, body, secret, *, by=0):
    """Worked out from the words of the standard, with nothing of ours."""
    key = base64.b64decode(secret[len("whsec_") :])
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}"
    wanted = base64.b64encode(hmac.new(key, content.encode(), hashlib.sha256).digest()).decode()
    return headers["webhook-signature"].split(" ")[by] == f"v1,{wanted}"


def test_a_message_is_delivered_once_and_anybody_with_the_secret_can_check_it(add, tell, run, session, now):
    with Receiver() as receiver:
        _, secret = add(receiver.url)
        assert (tell(words="Ünï “quotes”"), tell(words="again")) == (1, 0)
        assert (run(), run()) == (1, 0)

    [(headers, body)] = receiver.messages
    assert is_signed(headers, body, secret)
    assert not is_signed(headers, body + b" ", secret)
    assert headers["webhook-timestamp"] == str(int(now.timestamp()))
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "type": LIMIT_PASSED,
        "timestamp": now.isoformat().replace("+00:00", "Z"),
        "data": {"words": "Ünï “quotes”"},
    }
    row = only(session)
    assert (row.state, row.status, row.tries) == (DELIVERED, 204, 1)
    assert secret not in session.exec(select(WebhookDelivery.body)).one()


@on_sqlite
def test_a_new_secret_signs_beside_the_former_for_a_day(add, tell, run, session, safe, now, make):
    with Receiver() as receiver:
        endpoint, former = add(receiver.url)
        secret = services.roll(session, endpoint=endpoint, safe=safe, person_id=make.person().id, now=now)
        tell("a")
        run()
        tell("b")
        run(after_s=24 * 3600)

    (first, body), (second, second_body) = receiver.messages
    assert is_signed(first, body, secret, by=0)
    assert is_signed(first, body, former, by=1)
    assert is_signed(second, second_body, secret)
    assert " " not in second["webhook-signature"]


@on_sqlite
def test_what_is_not_taken_is_tried_again_later_under_the_same_id(add, tell, run, session):
    with Receiver(500, 302, 200) as receiver:
        add(receiver.url)
        tell()
        assert [run(), run(after_s=4), run(after_s=5), run(after_s=304), run(after_s=305)] == [0, 0, 0, 0, 1]

    assert len({headers["webhook-id"] for headers, _ in receiver.messages}) == 1
    assert [int(headers["webhook-timestamp"]) for headers, _ in receiver.messages] == sorted(
        int(headers["webhook-timestamp"]) for headers, _ in receiver.messages
    )
    assert (only(session).state, only(session).tries) == (DELIVERED, 3)


@on_sqlite
def test_redirects_are_no_yes_and_are_not_followed(add, tell, run, session):
    with Receiver(307) as receiver:
        add(receiver.url)
        tell()
        run()

    assert len(receiver.messages) == 1
    assert (only(session).state, only(session).status) == (WAITING, 307)


@on_sqlite
def test_after_three_days_it_is_given_up_and_can_be_sent_again_by_hand(add, tell, run, session, now):
    with Receiver(503) as receiver:
        endpoint, _ = add(receiver.url)
        tell()
        at = 0
        for pause in (0, *sending.PAUSES):
            at += pause
            run(after_s=at)
        row = only(session)
        assert (row.state, row.tries) == (FAILED, 1 + len(sending.PAUSES))

        receiver.answers = [200]
        services.again(session, endpoint=endpoint, delivery=row, now=now + timedelta(seconds=at))
        session.commit()
        assert run(after_s=at) == 1
    assert only(session).state == DELIVERED


@on_sqlite
@pytest.mark.parametrize("url", ["http://10.0.0.1/x", "https://169.254.169.254/latest", "https://[::1]/", "ftp://a/b"])
def test_hostile_addresses_are_refused_when_they_are_typed(add, url):
    with pytest.raises(Invalid):
        add(url)


@on_sqlite
def test_a_name_that_leads_inside_is_refused_when_it_is_called(add, tell, run, session, monkeypatch):
    with Receiver() as receiver:
        add(receiver.url.replace("127.0.0.1", "localhost"))
        tell()
        run(guard=Guard(private_networks=["10.9.9.9/32"], requires_https=False))

    row = only(session)
    assert receiver.messages == []
    assert (row.state, row.status) == (FAILED, None)
    assert "private network" in row.error


@on_sqlite
def test_who_says_gone_is_told_nothing_more(add, tell, run, session):
    with Receiver(410) as receiver:
        endpoint, _ = add(receiver.url)
        tell("a")
        tell("b")
        run()
        run()

    session.expire_all()
    assert (len(receiver.messages), endpoint.is_enabled) == (1, False)
    [entry] = session.exec(select(AuditEntry).where(AuditEntry.action == "webhook.switched_off"))
    assert entry.actor_kind == "itself"
    assert tell("c") == 0


@on_sqlite
def test_two_workers_never_send_the_same_message(engine, add, tell, session, now):
    with Receiver() as receiver:
        add(receiver.url)
        tell()
    row = only(session)
    with Session(engine) as first, Session(engine) as second:
        taken = sending._claim(first, row.id, now=now)
        first.commit()
        assert (taken is not None, sending._claim(second, row.id, now=now)) == (True, None)


@on_sqlite
def test_one_endpoint_that_is_away_keeps_no_other_waiting(add, tell, run, session):
    with Receiver() as gone:
        pass
    with Receiver() as receiver:
        add(gone.url)
        add(receiver.url)
        assert tell() == 2
        assert run() == 1

    assert len(receiver.messages) == 1


@on_sqlite
def test_what_is_undone_tells_nobody(add, session, organisation, now):
    add("http://127.0.0.1:9/x")
    session.commit()
    services.tell(session, organisation_id=organisation.id, kind=LIMIT_PASSED, data={}, key="one", now=now)
    session.rollback()

    assert session.exec(select(WebhookDelivery)).all() == []


@on_sqlite
def test_secrets_are_stored_sealed_and_can_be_sealed_anew(add, session, safe, now):
    endpoint, secret = add("http://127.0.0.1:9/x")
    both = Vault(["another key of thirty-two characters", "a key of thirty-two characters or more"])

    assert secret not in endpoint.secret
    assert services.reseal(session, both) == 1
    assert services.secrets_of(endpoint, Vault(["another key of thirty-two characters"]), now=now) == [secret]


@on_sqlite
def test_what_was_delivered_long_ago_is_forgotten(add, tell, run, session, settings, now):
    with Receiver() as receiver:
        add(receiver.url)
        tell()
        run()

    assert sending.tidy(session, settings, now + sending.KEPT + timedelta(seconds=1)) == 1


@on_sqlite
def test_a_message_that_we_cannot_make_keeps_no_other_waiting_and_is_not_lost(add, tell, run, session, monkeypatch):
    with Receiver() as receiver:
        add(receiver.url)
        tell()
        with monkeypatch.context() as broken:
            broken.setattr("app.webhooks.signing.headers", lambda *_, **__: {}["nothing"])
            assert run() == 0
        assert only(session).error == sending.OUR_FAULT
        assert run(after_s=5) == 1
