"""Structured logs: events with fields. JSON in production, one readable line on a terminal.

`log.info("key.revoked", extra={"key_id": key.id})`: the message is the event's name. The id of the request in hand is
added by itself. What looks like an API key is masked, whoever logs it; bodies and e-mail addresses are never passed.
"""

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_KEY = re.compile(r"\b([a-z][a-z0-9]{1,9}_(?:live|test|admin)_)[0-9A-Za-z]{6,}")
_BEARER = re.compile(r"(?i)(bearer\s+)[^\s\"',]{6,}")


def current_request_id() -> str | None:
    """The id of the request that this task or thread is answering, if any."""
    return _request_id.get()


def set_request_id(request_id: str | None) -> None:
    """Name the request that this task or thread now answers."""
    _request_id.set(request_id)


def set_up(*, level: str, as_json: bool) -> None:
    """Send every logger of this process to standard error in our form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if as_json else _TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("alembic", "urllib3", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def masked(text: str) -> str:
    """`text` with anything that looks like an API key or a bearer token cut out."""
    return _BEARER.sub(r"\1…", _KEY.sub(r"\1…", text))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    request_id = _request_id.get()
    if request_id is not None:
        fields.setdefault("request_id", request_id)
    return fields


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return masked(json.dumps(line, default=str, ensure_ascii=False))


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        fields = " ".join(
            f"{name}={str(value)!r}" if " " in str(value) else f"{name}={value}"
            for name, value in _fields(record).items()
        )
        text = f"{at} {record.levelname:<7} {_one_line(record.getMessage())} {_one_line(fields)}".rstrip()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return masked(text)


def _one_line(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")
