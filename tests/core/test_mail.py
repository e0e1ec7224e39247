"""Mail is written down with what it is about, and sent once by whoever claims it."""

import threading
from datetime import timedelta

import jinja2
import pytest
from sqlmodel import Session, select

from app.core import mail, mail_letters, mail_sending
from app.core.audit import AuditEntry
from app.core.config import Settings
from app.core.errors import Conflict
from app.core.mail import Mail
from tests.core.mail_server import MailServer
from tests.gateway import certificates

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GO_ON = threading.Event()


def put(session, now, *, to="olive@example.com", key="one", **more):
    return mail.queue(session, to=to, template="test", context={}, key=key, now=now, **more)


def settings_for(server, **more):
    return Settings(smtp_url=server.url, mail_from="Postern <postern@example.com>", smtp_timeout_s=5, **more)


def send(engine, settings, now):
    return mail_sending.run(engine, settings, clock=lambda: now, stop=GO_ON)


def only(session):
    session.expire_all()
    return session.exec(select(Mail)).one()


def test_the_same_mail_is_queued_once_for_each_recipient(session, now):
    said = [put(session, now), put(session, now), put(session, now, to="max@example.com")]

    assert said == [True, False, True]
    assert len(mail.listed(session, limit=10)) == 2


@on_sqlite
def test_what_is_undone_sends_no_mail(session, now):
    put(session, now)
    session.rollback()

    assert mail.listed(session, limit=10) == []


def test_what_waits_is_sent_once_and_what_it_said_is_not_kept(engine, session, now):
    put(session, now)
    session.commit()

    with MailServer() as server:
        counts = [send(engine, settings_for(server), now), send(engine, settings_for(server), now)]

    assert counts == [1, 0]
    [letter] = server.mails
    assert letter["To"] == "olive@example.com"
    assert letter["From"] == "Postern <postern@example.com>"
    assert letter["Subject"] == "Mail from Postern arrives"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert "http://127.0.0.1:8300" in letter.get_body(("plain",)).get_content()
    assert "<h1>Mail from Postern arrives</h1>" in letter.get_body(("html",)).get_content()
    row = only(session)
    assert (row.state, row.sent_at, row.context) == (mail.SENT, now, {})


def test_two_workers_never_take_the_same_mail(engine, session, now):
    put(session, now)
    session.commit()
    row = only(session)

    with Session(engine) as first:
        taken = mail.claim(first, row.id, now=now)
        first.commit()
    with Session(engine) as second:
        left = mail.claim(second, row.id, now=now)

    assert (taken is not None, left) == (True, None)


@on_sqlite
def test_a_worker_that_died_with_a_mail_leaves_it_to_the_next(engine, session, now):
    put(session, now)
    mail.claim(session, only(session).id, now=now)
    session.commit()

    with MailServer() as server:
        early = send(engine, settings_for(server), now)
        late = send(engine, settings_for(server), now + mail.CLAIM)

    assert (early, late, len(server.mails)) == (0, 1, 1)


@on_sqlite
@pytest.mark.parametrize(
    ("answers", "drops_after"),
    [({"RCPT": "451 later"}, ""), ({"MAIL": "421 busy"}, ""), ({"DATA": "452 full"}, ""), ({}, "RCPT")],
)
def test_a_server_that_cannot_now_is_asked_later_and_in_the_end_a_person(engine, session, now, answers, drops_after):
    put(session, now)
    session.commit()

    with MailServer(answers=answers, drops_after=drops_after) as server:
        for pause in (0, *mail.PAUSES):
            now += timedelta(seconds=pause)
            assert only(session).state == mail.WAITING
            assert send(engine, settings_for(server), now - timedelta(seconds=1)) == 0
            assert send(engine, settings_for(server), now) == 0

    row = only(session)
    assert (row.state, row.tries, server.mails) == (mail.FAILED, 1 + len(mail.PAUSES), [])
    assert row.error.startswith("The mail server")


@on_sqlite
def test_a_mail_that_is_refused_for_good_keeps_no_other_waiting(engine, session, now):
    put(session, now, key="a")
    put(session, now, key="b")
    session.commit()

    with MailServer(answers={"RCPT": "550 5.1.1 nobody here"}) as server:
        assert send(engine, settings_for(server), now) == 0

    session.expire_all()
    rows = mail.listed(session, limit=10)
    assert {(row.state, row.error, row.tries) for row in rows} == {
        (mail.FAILED, "The mail server says 550: 5.1.1 nobody here", 1)
    }


@on_sqlite
@pytest.mark.parametrize(
    "to",
    ["olive@example.com\nBcc: all@example.com", "a@b.example, c@d.example", "Olive <o@b.example>", "olive", "ö@b.at"],
)
def test_what_is_no_address_undoes_nothing_and_is_never_sent(session, now, to):
    put(session, now, to=to)

    row = only(session)
    assert (row.state, row.error) == (mail.FAILED, mail.NO_ADDRESS)
    with pytest.raises(Conflict):
        mail.again(session, row, person_id=row.id, now=now)


def test_names_cannot_add_headers_or_lines(monkeypatch):
    letters = {
        "_layout.html": "{{ subject }}",
        "hello.txt": "Subject: Hello {{ name }}\n\nDear {{ name }},",
        "hello.html": '{% extends "_layout.html" %}{{ name }}',
    }
    environment = mail_letters._environment().overlay(loader=jinja2.DictLoader(letters))
    monkeypatch.setattr(mail_letters, "_environment", lambda: environment)
    name = mail_letters.one_line("Olive\r\nBcc: all@example.com\n\n\u2028<b>")

    letter = mail_letters.write("hello", {"name": name}, Settings())

    assert letter.subject == "Hello Olive Bcc: all@example.com <b>"
    assert letter.text == "Dear Olive Bcc: all@example.com <b>,\n"
    assert "&lt;b&gt;" in letter.html


@on_sqlite
def test_a_password_is_never_said_to_a_server_without_tls(engine, session, now):
    put(session, now)
    session.commit()

    with MailServer() as server:
        url = f"smtp://postern:secret@127.0.0.1:{server.port}"
        settings = Settings(smtp_url=url, mail_from="postern@example.com", smtp_timeout_s=5)
        send(engine, settings, now)

    assert "AUTH" not in server.verbs
    assert "MAIL" not in server.verbs
    assert "STARTTLS" in only(session).error


@on_sqlite
def test_a_server_that_nobody_vouches_for_gets_nothing(engine, session, now, tmp_path):
    put(session, now)
    session.commit()

    with MailServer(tls=certificates.make(tmp_path).server_context()) as server:
        url = f"smtps://postern:secret@127.0.0.1:{server.port}"
        settings = Settings(smtp_url=url, mail_from="postern@example.com", smtp_timeout_s=5)
        send(engine, settings, now)

    assert server.verbs == []
    assert "certificate" in only(session).error.lower()


@on_sqlite
def test_a_refused_password_is_not_repeated_where_operators_read(engine, session, now):
    put(session, now)
    session.commit()

    with MailServer(answers={"AUTH": "535 not with secret-word"}) as server:
        send(engine, settings_for(server).model_copy(update={"smtp_url": _with_password(server)}), now)

    assert only(session).error == (
        "The mail server: SMTPAuthenticationError: it does not take our user and password (535)"
    )


def _with_password(server):
    return type(settings_for(server).smtp_url)(server.url.replace("//", "//postern:secret-word@"))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"smtp_url": "https://mail.example"}, "must look like"),
        ({"smtp_url": "smtp+plain://mail.example", "mail_from": "p@example.com"}, "only for a server on this machine"),
        ({"smtp_url": "smtp://mail.example"}, "POSTERN_MAIL_FROM"),
        ({"smtp_url": "smtp://mail.example", "mail_from": "Postern"}, "POSTERN_MAIL_FROM"),
    ],
)
def test_half_a_mail_server_is_none(wrong, words):
    with pytest.raises(ValueError, match=words):
        Settings(**wrong)


@on_sqlite
def test_without_a_server_in_production_old_mail_is_given_up_aloud(session, now, settings):
    put(session, now - mail_sending.UNSENT - timedelta(seconds=1), key="old")
    put(session, now, key="new")

    mail_sending.tidy(session, settings.model_copy(update={"environment": "production"}), now)

    session.expire_all()
    assert {(row.key, row.state, row.error) for row in mail.listed(session, limit=10)} == {
        ("old", mail.FAILED, mail_sending.NO_SERVER),
        ("new", mail.WAITING, ""),
    }


@on_sqlite
def test_what_was_dealt_with_long_ago_is_forgotten(session, now, settings):
    put(session, now - mail_sending.KEPT - timedelta(seconds=1), key="gone", to="nobody")
    put(session, now - mail_sending.KEPT - timedelta(seconds=1), key="waits")

    mail_sending.tidy(session, settings, now)

    assert [row.key for row in mail.listed(session, limit=10)] == ["waits"]


@on_sqlite
def test_a_failed_mail_is_sent_again_and_it_is_written_down_who_asked(session, now, make):
    person = make.person(is_operator=True)
    put(session, now)
    row = only(session)
    mail.failed(session, row, "no", for_good=True, now=now)

    mail.again(session, row, person_id=person.id, now=now)

    assert (row.state, row.tries, row.error) == (mail.WAITING, 0, "")
    assert session.exec(select(AuditEntry.action)).all() == ["mail.sent_again"]


@on_sqlite
def test_a_mail_that_we_cannot_make_keeps_no_other_waiting_and_is_not_lost(engine, session, now, monkeypatch):
    put(session, now, key="a")
    put(session, now, key="b", to="max@example.com")
    session.commit()
    whole = mail_letters.message

    def message(letter, *, recipient, **more):
        if recipient == "olive@example.com":
            raise KeyError("a bug")
        return whole(letter, recipient=recipient, **more)

    monkeypatch.setattr(mail_letters, "message", message)

    with MailServer() as server:
        assert send(engine, settings_for(server), now) == 1

    assert {row.error for row in mail.listed(session, state=mail.WAITING, limit=9)} == {mail_sending.OUR_FAULT}
