"""Handing mail over to the server that the operator's settings name. Every wait has an end."""

import smtplib
import ssl
from email.message import EmailMessage
from types import TracebackType
from typing import Self

from app.core.config import Settings
from app.core.config_mail import SmtpServer
from app.core.errors import Invalid, Unavailable


class Refused(Invalid):
    """The server will never take this one: an address that does not exist, a mail that it does not want."""


class Post:
    """One connection for several mails, opened for the first. Raises Refused, or Unavailable for what may pass."""

    def __init__(self, settings: Settings) -> None:
        self._server = settings.smtp_server
        self._timeout_s = settings.smtp_timeout_s
        self._connection: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, message: EmailMessage) -> None:
        """Give it to the server, who is answerable for it from then on."""
        try:
            if self._connection is None:
                self._connection = _connect(self._server, self._timeout_s)
            self._connection.send_message(message)
        except smtplib.SMTPRecipientsRefused as problem:
            code, words = next(iter(problem.recipients.values()))
            raise self._refusal(code, words) from None
        except smtplib.SMTPDataError as problem:
            raise self._refusal(problem.smtp_code, problem.smtp_error) from None
        except (smtplib.SMTPException, OSError) as problem:
            self.close()
            raise Unavailable(f"The mail server: {type(problem).__name__}: {_words(problem)}") from None

    def close(self) -> None:
        """Hang up, without a word if the line is dead."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _refusal(self, code: int, words: bytes | str) -> Invalid | Unavailable:
        said = f"The mail server says {code}: {_text(words)}"
        return Refused(said) if code >= 500 else Unavailable(said)


def check(settings: Settings) -> None:
    """Reach the server and sign in, without sending anything. Raises Unavailable with words for the operator."""
    try:
        _connect(settings.smtp_server, settings.smtp_timeout_s).quit()
    except (smtplib.SMTPException, OSError) as problem:
        raise Unavailable(f"The mail server: {type(problem).__name__}: {_words(problem)}") from None


def _connect(server: SmtpServer, timeout_s: float) -> smtplib.SMTP:
    """Checked by certificate, and signed in. Raises SMTPException, OSError."""
    tls = ssl.create_default_context()
    if server.security == "smtps":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=timeout_s, context=tls)
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=timeout_s)
    try:
        if server.security == "smtp":
            connection.starttls(context=tls)
        if server.user:
            connection.login(server.user, server.password)
    except BaseException:
        connection.close()
        raise
    return connection


def _words(problem: Exception) -> str:
    """Without what was sent: some servers repeat a sign-in in their refusal of it."""
    if isinstance(problem, smtplib.SMTPAuthenticationError):
        return f"it does not take our user and password ({problem.smtp_code})"
    if isinstance(problem, smtplib.SMTPResponseException):
        return f"{problem.smtp_code} {_text(problem.smtp_error)}"
    return str(problem)


def _text(words: bytes | str) -> str:
    return words.decode(errors="replace") if isinstance(words, bytes) else words
