"""The settings of mail, as a part of all others (core/config.py)."""

from email.utils import parseaddr
from typing import NamedTuple, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from app.core import addresses

PORTS = {"smtps": 465, "smtp": 587, "smtp+plain": 25}  # RFC 8314, RFC 6409, RFC 5321


class SmtpServer(NamedTuple):
    """Where mail is handed over. security: "smtps" (TLS at once), "smtp" (STARTTLS, insisted upon), "smtp+plain"."""

    security: str
    host: str
    port: int
    user: str
    password: str


class MailSettings(BaseSettings):
    """What an installation can choose about mail. Without a server, development keeps it and shows it at /outbox/."""

    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="Server that takes our mail: smtp://user:password@host:587 (STARTTLS) or smtps://…:465; "
        "smtp+plain:// only on this machine. Empty in development keeps mail at /outbox/.",
    )
    mail_from: str = Field(
        "", max_length=200, description="Sender of all mail, needed beside the server: Postern <postern@example.com>."
    )
    smtp_timeout_s: float = Field(20.0, gt=0, description="Longest wait for any answer of that server.")

    @property
    def sends_mail(self) -> bool:
        """Whether there is a server to hand mail to."""
        return bool(self.smtp_url.get_secret_value())

    @property
    def smtp_server(self) -> SmtpServer:
        """Raises ValueError if the URL is none of the three kinds."""
        parts = urlsplit(self.smtp_url.get_secret_value())
        if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise ValueError("POSTERN_SMTP_URL must look like smtp://user:password@host:587 or smtps://….")
        return SmtpServer(
            parts.scheme,
            parts.hostname,
            parts.port or PORTS[parts.scheme],
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Self:
        if not self.sends_mail:
            return self
        server = self.smtp_server
        if server.security == "smtp+plain" and not _is_this_machine(server.host):
            raise ValueError("POSTERN_SMTP_URL: smtp+plain:// is only for a server on this machine; use smtp://.")
        if not is_address(parseaddr(self.mail_from)[1]):
            raise ValueError("POSTERN_MAIL_FROM is missing beside the server: Postern <postern@example.com>.")
        return self


def is_address(text: str) -> bool:
    """Whether mail can be addressed to `text`: one plain ASCII address, with nothing around it or hidden in it."""
    local, _, domain = text.rpartition("@")
    is_plain = text.isascii() and text.isprintable() and not any(character in text for character in ' <>,;:"()[]\\')
    return bool(is_plain and local and domain and len(text) <= 254 and "@" not in local)


def _is_this_machine(host: str) -> bool:
    address = addresses.parse(host)
    return host == "localhost" or (address is not None and address.is_loopback)
