"""Mail comes in kinds; each can be turned off save security, by hand or with one click, for that address alone."""

import re
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from uuid import uuid4

import pytest
from sqlmodel import select

from app.core import mail, mail_kinds, mail_letters
from app.core.config import Settings
from app.core.errors import NotFound
from app.core.mail import Mail
from tests.conftest import NOW
from tests.databases import on_one

EMAILS = Path(__file__).parents[2] / "templates" / "emails"
TEMPLATES = sorted({path.stem for path in EMAILS.iterdir() if not path.name.startswith("_")})
OLIVE = "Olive@example.com"
LOW = {
    "title": "Credit is low", "organisation": "Acme", "left": "1", "was": "bought", "bought": "9", "path": "/x",
    "consequence": "…",
}  # fmt: skip


def put(session, now, template, to=OLIVE):
    context = LOW if template == "credit_low" else {}
    return mail.queue(session, to=to, template=template, context=context, key=uuid4().hex, now=now)


def message_of(template, to=OLIVE, **context):
    settings = Settings(portal_url="https://postern.example")
    letter = mail_letters.write(template, context, settings, to=to)
    made = mail_letters.message(letter, mail_id=uuid4(), recipient=to, sender="p@example.com", at=NOW)
    return letter, made


def test_every_template_is_of_a_kind_and_every_kind_has_words():
    assert sorted(mail_kinds.TEMPLATES) == TEMPLATES, "app/core/mail_kinds.py says of what kind each template is"
    assert set(mail_kinds.TEMPLATES.values()) <= set(mail_kinds.KINDS)
    assert [name for name, kind in mail_kinds.KINDS.items() if not kind.can_be_refused] == [mail_kinds.SECURITY]


@on_one
def test_what_is_refused_is_not_queued_for_that_address_alone(session, now):
    mail_kinds.refuse(session, OLIVE, "limits", now=now)
    mail_kinds.refuse(session, OLIVE, "limits", now=now)

    told = [put(session, now, "credit_low"), put(session, now, "credit_low", to="OLIVE@example.com")]
    told += [put(session, now, "credit_low", to="max@example.com"), put(session, now, "bill_unpaid")]
    told += [put(session, now, "test")]

    assert told == [False, False, True, True, True]
    assert len(session.exec(select(Mail)).all()) == 3
    mail_kinds.choose(session, OLIVE, ["limits", "plans", "nonsense"], now=now)
    assert mail_kinds.refused(session, OLIVE) == {"payments", "tools", "unusual", "keys", "organisations"}
    for kind in (mail_kinds.SECURITY, "nonsense"):
        with pytest.raises(NotFound):
            mail_kinds.refuse(session, OLIVE, kind, now=now)


@pytest.mark.parametrize("local", ["olive", "o" * 200])
def test_a_mail_offers_to_turn_its_kind_off_in_one_piece(local):
    letter, made = message_of("credit_low", f"{local}@example.com", **LOW)

    read = message_from_bytes(made.as_bytes(), policy=SMTP)
    assert read["List-Unsubscribe"] == f"<{letter.off_url}>"
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.search(rb"^List-Unsubscribe: <https://postern\.example/mail/off/[\w.=-]+>\r?$", made.as_bytes(), re.M)
    assert local not in letter.off_url, "an address in an address ends in logs"
    assert letter.off_url in letter.text
    assert f'href="{letter.off_url}"' in letter.html
    token = letter.off_url.rpartition("/")[2]
    assert mail_kinds.opened(Settings(), token) == ("limits", f"{local}@example.com")


def test_mail_about_security_cannot_be_turned_off():
    letter, made = message_of("test")

    assert (made["List-Unsubscribe"], made["List-Unsubscribe-Post"], letter.off_url) == (None, None, "")
    assert "/mail/off/" not in letter.text + letter.html


def test_a_link_that_is_not_ours_opens_nothing():
    token = mail_letters.write("credit_low", LOW, Settings(), to=OLIVE).off_url.rpartition("/")[2]
    other = Settings(secret_key="another key of thirty-two letters or more")

    changed = token[:-10] + ("A" if token[-10] != "A" else "B") + token[-9:]
    for bad in ("", "x", "v1", "v1.a.b", token[:-4], changed, token + "ü"):
        with pytest.raises(NotFound):
            mail_kinds.opened(Settings(), bad)
    with pytest.raises(NotFound):
        mail_kinds.opened(other, token)


def test_one_click_works_without_signing_in_and_looking_changes_nothing(browse, session, settings):
    path = mail_kinds.refusal_url(settings, OLIVE, "credit_low").removeprefix(settings.portal_url)

    before = browse.get(path)
    assert "Turn this mail off?" in before.text
    assert mail_kinds.refused(session, OLIVE) == set()
    click = browse.open("POST", path, data={"List-Unsubscribe": "One-Click"})  # as a mail program does it: no session

    assert click.status == 200
    assert mail_kinds.refused(session, OLIVE) == {"limits"}
    assert "This mail is off" in browse.get(path).text
    browse.get("/mail/off/nonsense", status=404)
    form = browse.open("POST", path, data={}, headers={"Origin": "https://evil.example"})
    assert form.status == 403


def test_a_person_chooses_their_own_mail(owner, member, session):
    page = owner.get("/account/mail").text
    assert "olive@example.com" in page
    owner.post("/account/mail", kind=["limits", "plans"])

    assert mail_kinds.refused(session, "olive@example.com") == {"payments", "tools", "unusual", "keys", "organisations"}
    assert mail_kinds.refused(session, "max@example.com") == set()
    owner.post("/account/mail", kind=list(mail_kinds.KINDS))
    assert mail_kinds.refused(session, "olive@example.com") == set()
