"""What mail says: templates of templates/emails/, filled and put into the form that servers take (RFC 5322).

`NAME.txt` begins with “Subject: …” and an empty line; `NAME.html` says the same and extends `_layout.html`. Both read
`product_name`, `portal_url` (without a slash at its end) and what they were queued with.
"""

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import cache
from typing import NamedTuple
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.core.config import ROOT, Settings

_SUBJECT = "Subject: "


class Letter(NamedTuple):
    """A mail in words. subject: one line."""

    subject: str
    text: str
    html: str


def check(template: str) -> None:
    """Raises LookupError if either half of the template is missing."""
    for ending in ("txt", "html"):
        _environment().get_template(f"{template}.{ending}")


def one_line(value: object) -> object:
    """Words without line breaks and other control characters, so that a name stays a name; lists likewise."""
    if isinstance(value, list):
        return [one_line(item) for item in value]
    if not isinstance(value, str):
        return value
    return " ".join("".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in value).split())


def write(template: str, context: Mapping[str, object], settings: Settings) -> Letter:
    """The mail in words. Raises jinja2.TemplateError when something it needs is missing."""
    about = {**context, "product_name": settings.product_name, "portal_url": settings.portal_url.rstrip("/")}
    first, _, text = _environment().get_template(f"{template}.txt").render(about).partition("\n")
    subject = str(one_line(first.removeprefix(_SUBJECT)))
    html = _environment().get_template(f"{template}.html").render({**about, "subject": subject})
    return Letter(subject, text.strip() + "\n", html)


def message(letter: Letter, *, mail_id: UUID, recipient: str, sender: str, at: datetime) -> EmailMessage:
    """In the form for servers. The same mail has the same Message-ID at each try, so that repeats can be told."""
    found = EmailMessage(policy=SMTP)
    found["From"] = sender
    found["To"] = recipient
    found["Subject"] = letter.subject
    found["Date"] = format_datetime(at)
    found["Message-ID"] = f"<{mail_id.hex}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    found["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    found.set_content(letter.text)
    found.add_alternative(letter.html, subtype="html")
    return found


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(ROOT / "templates" / "emails"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
