"""Operators see what became of mail, and have what failed sent again; others see nothing."""

import pytest
from sqlmodel import select

from app.core import mail
from app.core.mail import Mail

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def operator(sign_in, make):
    person = make.person("Opal Operator", is_operator=True)
    return sign_in(person, make.organisation("Staff", owner=person))


@pytest.fixture
def failed(session, now):
    mail.queue(session, to="olive@example.com", template="test", context={}, key="one", now=now)
    row = session.exec(select(Mail)).one()
    mail.failed(session, row, "The mail server says 550: nobody here", for_good=True, now=now)
    session.flush()
    return row


def test_what_failed_is_seen_and_sent_again(operator, failed, session):
    assert "550: nobody here" in operator.get("/operator/mail/?state=failed").text

    operator.post(f"/operator/mail/{failed.id}/again")

    assert session.get(Mail, failed.id).state == mail.WAITING
    assert "No mail is “Failed”" in operator.get("/operator/mail/?state=failed").text


def test_what_waits_cannot_be_sent_again(operator, failed):
    operator.post(f"/operator/mail/{failed.id}/again")

    operator.post(f"/operator/mail/{failed.id}/again", status=409)


def test_for_everyone_else_there_is_no_such_page(owner, member, outsider, failed):
    for browser in (owner, member, outsider):
        browser.get("/operator/mail/", status=404)
        browser.post(f"/operator/mail/{failed.id}/again", status=404)


def test_mail_is_paged(operator, failed, session, now, monkeypatch):
    monkeypatch.setattr("app.admin.views.post.PAGE", 1)
    mail.queue(session, to="max@example.com", template="test", context={}, key="one", now=now)

    assert "page=2" in operator.get("/operator/mail/").html
    operator.get("/operator/mail/?page=2")
    operator.get("/operator/mail/?state=nonsense", status=422)
