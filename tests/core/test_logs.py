"""Log lines carry fields and the request's id, and never a key."""

import json
import logging

import pytest

from app.core import logs
from app.keys import tokens


@pytest.fixture
def lines(capsys):
    yield lambda: [line for line in capsys.readouterr().err.splitlines() if line]
    logging.basicConfig(handlers=[], force=True)
    logs.set_request_id(None)


def test_json_lines_have_event_fields_and_request(lines):
    logs.set_up(level="INFO", as_json=True)
    logs.set_request_id("req_1")

    logging.getLogger("app.keys").info("key.revoked", extra={"key_id": "k1"})

    (line,) = map(json.loads, lines())
    assert (line["event"], line["key_id"], line["request_id"], line["level"]) == ("key.revoked", "k1", "req_1", "info")
    assert line["at"].endswith("+00:00")


@pytest.mark.parametrize("as_json", [True, False])
def test_keys_and_bearer_tokens_are_masked_wherever_they_turn_up(lines, as_json):
    secret = tokens.generate("pst", "live").secret
    logs.set_up(level="INFO", as_json=as_json)

    try:
        raise RuntimeError(f"boom {secret}")
    except RuntimeError:
        logging.getLogger("x").exception("failed", extra={"header": f"Bearer {secret}", "other": "Bearer abcdefghijk"})

    text = "\n".join(lines())
    assert secret[9:] not in text
    assert "abcdefghijk" not in text
    assert "pst_live_" in text


def test_a_line_break_in_a_field_cannot_forge_a_second_line(lines):
    logs.set_up(level="INFO", as_json=False)

    logging.getLogger("x").info("seen", extra={"path": "/a\n00:00:00 INFO forged"})

    assert len(lines()) == 1
