"""Where nobody else can reach the portal, mail that is not sent can be read in it; elsewhere there is no such page."""

import pytest
from sqlmodel import select

from app.core import mail
from app.core.mail import Mail
from app.portal import create_app

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_mail_is_read_as_text_and_as_html(browse, session, now):
    mail.queue(session, to="olive@example.com", template="test", context={}, key="one", now=now)
    mail_id = session.exec(select(Mail.id)).one()

    page = browse.get(f"/outbox/{mail_id}")
    html = browse.get(f"/outbox/{mail_id}/html")

    assert "Mail from Postern arrives" in browse.get("/outbox/").text
    assert "olive@example.com" in page.text
    assert "If you can read it" in html.text
    assert "script-src" not in html.headers["Content-Security-Policy"]
    assert html.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_an_empty_outbox_says_what_will_be_here(browse):
    assert "No mail yet" in browse.get("/outbox/").text


@pytest.mark.parametrize(
    "change",
    [
        {"environment": "production"},
        {"bind_host": "0.0.0.0"},
        {"smtp_url": "smtp://mail.example", "mail_from": "postern@example.com"},
    ],
)
def test_nobody_reads_the_mail_of_others(settings, engine, change):
    changed = type(settings).model_validate({**settings.model_dump(), **change}) if "smtp_url" in change else None
    app = create_app(changed or settings.model_copy(update=change), engine)

    assert not [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/outbox")]
