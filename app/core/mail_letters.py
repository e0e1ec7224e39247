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

from app.core import mail_kinds
from app.core.config import ROOT, Settings

_SUBJECT = "Subject: "
_POLICY = SMTP.clone(max_line_length=990)
"""An address in a header must stay in one piece; RFC 5322 (2.1.1) allows lines of 998 characters."""


class Letter(NamedTuple):
    """A mail in words. subject: one line. off_url: where mail of its kind is turned off; "" for what cannot be."""

    subject: str
    text: str
    html: str
    off_url: str = ""


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


def write(template: str, context: Mapping[str, object], settings: Settings, *, to: str = "") -> Letter:
    """The mail in words. to: whose it is, who may turn its kind off. Raises jinja2.TemplateError when something it
    needs is missing.
    """
    kind = mail_kinds.KINDS[mail_kinds.kind_of(template)]
    off_url = mail_kinds.refusal_url(settings, to, template) if to else ""
    portal_url = settings.portal_url.rstrip("/")
    about = {**context, "product_name": settings.product_name, "portal_url": portal_url}
    first, _, text = _environment().get_template(f"{template}.txt").render(about).partition("\n")
    subject = str(one_line(first.removeprefix(_SUBJECT)))
    around = {"subject": subject, "off_url": off_url, "kind": kind.title}
    html = _environment().get_template(f"{template}.html").render({**about, **around})
    text = text.strip() + "\n"
    if off_url:
        text += f"\nNo more mail of this kind ({kind.title}):\n{off_url}\n\nAll kinds: {portal_url}/account/mail\n"
    return Letter(subject, text, html, off_url)


def message(letter: Letter, *, mail_id: UUID, recipient: str, sender: str, at: datetime) -> EmailMessage:
    """In the form for servers. The same mail has the same Message-ID at each try, so that repeats can be told."""
    found = EmailMessage(policy=_POLICY)
    found["From"] = sender
    found["To"] = recipient
    found["Subject"] = letter.subject
    found["Date"] = format_datetime(at)
    found["Message-ID"] = f"<{mail_id.hex}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    found["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    if letter.off_url:
        found["List-Unsubscribe"] = f"<{letter.off_url}>"  # RFC 2369
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
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
