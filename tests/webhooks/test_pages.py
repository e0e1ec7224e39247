"""Webhooks on their pages: the secret is shown once, the log says what became of each, and only owners see it."""

import re

import pytest
from sqlmodel import select

from app.core.audit import AuditEntry
from app.webhooks import services
from app.webhooks.models import FAILED, LIMIT_PASSED, WAITING, WebhookDelivery, WebhookEndpoint

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

URL = "http://127.0.0.1:9/postern?token=theirs"


@pytest.fixture
def endpoint(owner, session):
    owner.get("/webhooks/new")
    owner.post("/webhooks/", url=URL, status=200)
    return session.exec(select(WebhookEndpoint)).one()


@pytest.fixture
def delivery(endpoint, session, now):
    services.tell(
        session,
        organisation_id=endpoint.organisation_id,
        kind=LIMIT_PASSED,
        data={"words": "80 % of “x” is used."},
        key="one",
        now=now,
    )
    return session.exec(select(WebhookDelivery)).one()


def test_the_secret_is_shown_once(owner, session):
    owner.get("/webhooks/new")
    answer = owner.post("/webhooks/", url=URL, status=200)

    assert len(re.findall(r"whsec_[A-Za-z0-9+/]{43}=", answer.html)) == 1
    assert answer.headers["Cache-Control"] == "no-store"
    endpoint = session.exec(select(WebhookEndpoint)).one()
    assert "whsec_" not in owner.get(f"/webhooks/{endpoint.id}").html
    [entry] = session.exec(select(AuditEntry).where(AuditEntry.action == "webhook.added"))
    assert (entry.person_id, entry.details) == (owner.person.id, {"url": "http://127.0.0.1:9/postern"})


@pytest.mark.parametrize("url", ["", "example.com", "https://10.0.0.1/", "https://user@example.com/", "file:///etc"])
def test_what_is_no_address_comes_back_with_words(owner, session, url):
    owner.get("/webhooks/new")
    answer = owner.post("/webhooks/", url=url, status=422)

    assert "Nothing was saved yet" in answer.text
    assert session.exec(select(WebhookEndpoint)).all() == []


def test_there_are_only_so_many(owner, endpoint, monkeypatch):
    monkeypatch.setattr(services, "MOST_ENDPOINTS", 1)

    assert "Remove one first" in owner.post("/webhooks/", url=URL, status=422).text


def test_a_test_is_queued_once_at_a_time(owner, endpoint, session):
    owner.post(f"/webhooks/{endpoint.id}/test")
    owner.post(f"/webhooks/{endpoint.id}/test", status=409)

    assert session.exec(select(WebhookDelivery.kind)).all() == ["webhook.test"]


def test_the_log_shows_each_message_and_sends_it_again(owner, endpoint, delivery, session):
    delivery.state, delivery.tries, delivery.status, delivery.error = FAILED, 10, 500, "It answered 500."
    session.add(delivery)

    assert "It answered 500." in owner.get(f"/webhooks/{endpoint.id}?state=failed").text
    assert "80 % of “x” is used." in owner.get(f"/webhooks/{endpoint.id}/deliveries/{delivery.id}").text
    owner.post(f"/webhooks/{endpoint.id}/deliveries/{delivery.id}/again")
    assert (delivery.state, delivery.tries) == (WAITING, 0)
    owner.post(f"/webhooks/{endpoint.id}/deliveries/{delivery.id}/again", status=409)


def test_the_log_is_paged(owner, endpoint, delivery, monkeypatch):
    monkeypatch.setattr("app.webhooks.views.PAGE", 1)
    owner.post(f"/webhooks/{endpoint.id}/test")

    assert "page=2" in owner.get(f"/webhooks/{endpoint.id}").html
    assert owner.get(f"/webhooks/{endpoint.id}?page=2").status == 200
    owner.get(f"/webhooks/{endpoint.id}?state=odd", status=422)


def test_off_means_off_and_removed_means_gone(owner, endpoint, delivery, session, now):
    owner.post(f"/webhooks/{endpoint.id}/switch", to="off")
    assert "Off" in owner.get("/webhooks/").text
    owner.post(f"/webhooks/{endpoint.id}/test", status=409)
    owner.post(f"/webhooks/{endpoint.id}/switch", to="off", status=409)
    owner.post(f"/webhooks/{endpoint.id}/switch", to="on")
    assert "whsec_" in owner.post(f"/webhooks/{endpoint.id}/secret", status=200).html
    owner.post(f"/webhooks/{endpoint.id}/remove")

    owner.get(f"/webhooks/{endpoint.id}", status=404)
    assert "No webhook yet" in owner.get("/webhooks/").text
    assert session.get(WebhookEndpoint, endpoint.id).secret == ""
    assert session.get(WebhookDelivery, delivery.id).state == FAILED, "what waits for ever would be kept for ever"


def test_viewers_may_not_and_strangers_find_nothing(owner, outsider, endpoint, delivery, make, sign_in):
    person = make.person()
    make.membership(owner.organisation, person, role="viewer")
    viewer = sign_in(person, owner.organisation)
    place = f"/webhooks/{endpoint.id}"
    viewer.get("/webhooks/", status=403)
    viewer.get(place, status=403)
    outsider.get(place, status=404)
    outsider.get(f"{place}/deliveries/{delivery.id}", status=404)
    for action in ("test", "secret", "switch", "remove", f"deliveries/{delivery.id}/again"):
        viewer.post(f"{place}/{action}", status=403)
        outsider.post(f"{place}/{action}", status=404)
    assert "No webhook yet" in outsider.get("/webhooks/").text


def test_one_endpoint_does_not_show_anothers_messages(owner, endpoint, delivery, session):
    owner.post("/webhooks/", url=URL + "2", status=200)
    other = session.exec(select(WebhookEndpoint).where(WebhookEndpoint.id != endpoint.id)).one()

    owner.get(f"/webhooks/{other.id}/deliveries/{delivery.id}", status=404)
