"""GitHub reports what it found: genuine reports act and are answered, everything else is refused and does nothing."""

import hashlib
import json

from sqlmodel import select

from app.core import mail
from app.keys import tokens
from app.keys.models import Key
from app.leaks.models import LeakFind, LeakUnknown
from app.leaks.views import github
from tests.databases import on_both
from tests.leaks.hub import Signer

URL = "https://github.com/acme/app/blob/0123/config.py"


def finds_in(session):
    session.expire_all()
    return list(session.exec(select(LeakFind)))


def is_dead(session, key):
    session.expire_all()
    return session.get(Key, key.id).is_revoked


@on_both
def test_a_reported_key_is_revoked_and_the_answer_says_whether_it_was_ours(report, leaked, session, now):
    key, secret = leaked
    unknown = tokens.generate("pst", "live").secret

    answer = report([(secret, "Commit", URL), (unknown, "GIST_CONTENT", ""), ("some_token", "new_kind", "")])

    assert json.loads(answer.html) == [
        {
            "token_hash": hashlib.sha256(token.encode()).hexdigest(),
            "token_type": "pst_key",
            "label": label,
        }
        for token, label in ((secret, "true_positive"), (unknown, "false_positive"), ("some_token", "false_positive"))
    ]
    assert is_dead(session, key)
    (find,) = finds_in(session)
    assert (find.key_id, find.source, find.url, find.did, find.reporter) == (key.id, "commit", URL, "revoked", "github")
    assert (find.found_at, find.is_alarm, find.hint) == (now, True, key.hint)
    counts = {one.source: one.count for one in session.exec(select(LeakUnknown))}
    assert counts == {"gist_content": 1, "unknown": 1}


def test_forged_truncated_resigned_and_foreign_reports_do_nothing(report, leaked, hub, session, browse):
    key, secret = leaked
    body = json.dumps([{"token": secret, "type": "t", "url": URL, "source": "commit"}]).encode()
    genuine, other = hub.signers
    forged = Signer(genuine.id)

    for headers, sent in (
        ({}, body),
        ({"Github-Public-Key-Identifier": genuine.id}, body),
        (forged.headers(body), body),  # signed by somebody else under a known id
        (genuine.headers(body), body[:-1]),  # cut
        (genuine.headers(body), body.replace(b"commit", b"issues")),  # changed
        (genuine.headers(body), json.dumps(json.loads(body), indent=1).encode()),  # written anew
        ({**genuine.headers(body), "Github-Public-Key-Identifier": other.id}, body),
        ({**genuine.headers(body), "Github-Public-Key-Signature": "M" * 96}, body),
        (Signer("c" * 64).headers(body), body),  # a key that nobody lists
    ):
        answer = report([], body=sent, headers=headers, status=401)
        assert secret not in answer.html

    assert not is_dead(session, key)
    assert finds_in(session) == []
    report([(secret, "commit", URL)], signer=other)  # several keys are live at once
    assert is_dead(session, key)


def test_what_is_signed_but_is_no_list_of_matches_is_a_bad_request(report, session):
    for body in (b"", b"{}", b"[1]", b'[{"type":"t"}]', b'[{"token":1}]', b"[" * 30_000, b'[{"token":"\xff"}]'):
        report([], body=body, status=400)

    assert json.loads(report([], body=b"[]").html) == []
    odd = b'[{"token":"\\u0000\\ud83d\\ude00","url":null,"source":null,"more":[{}]}]'
    assert json.loads(report([], body=odd).html)[0]["label"] == "false_positive"


def test_a_report_that_comes_again_changes_nothing(report, leaked, session):
    key, secret = leaked

    first, second = (report([(secret, "commit", URL), (secret, "Commit", URL)]) for _ in range(2))

    assert first.html == second.html
    assert len(finds_in(session)) == 1
    assert is_dead(session, key)


def test_another_place_of_a_dead_key_is_written_down_without_alarm(report, leaked, session):
    _, secret = leaked
    report([(secret, "commit", URL)])

    report([(secret, "npm", "https://www.npmjs.com/package/acme")])

    assert [(one.did, one.is_alarm) for one in finds_in(session)] == [("revoked", True), ("dead", False)]


def test_a_batch_may_be_large_and_no_larger(report, leaked, session, browse):
    key, secret = leaked
    many = [(tokens.generate("pst", "live").secret, "content", f"{URL}#{number}") for number in range(1_500)]

    answer = report([*many, (secret, "content", URL)])

    assert [one["label"] for one in json.loads(answer.html)] == ["false_positive"] * 1_500 + ["true_positive"]
    assert is_dead(session, key)
    padded = b" " * (300 * 1024) + b"[]"
    assert json.loads(report([], body=padded).html) == []
    report([], body=b" " * github.BODY_BYTES + b"[]", status=413)
    browse.get("/report-a-key")
    token = browse.csrf_token()
    assert browse.open("POST", "/report-a-key", data={"csrf_token": token, "key": "x" * 300_000}).status == 413


def test_no_secret_is_kept_or_logged(report, leaked, session, engine, caplog):
    _, secret = leaked
    unknown = tokens.generate("pst", "live").secret

    report([(secret, "commit", f"https://example.com/?key={secret}"), (unknown, "commit", f"https://x.test/{unknown}")])

    (find,) = finds_in(session)
    assert find.url == "https://example.com/?key=pst_live_…"
    with engine.connect() as connection:
        dumped = "\n".join(connection.connection.driver_connection.iterdump())
    for token in (secret, unknown):
        assert token not in dumped + caplog.text
        assert token[9:30] not in dumped + caplog.text


def test_a_place_is_one_line_of_bounded_length(report, leaked, session):
    _, secret = leaked

    report([(secret, "commit", "javascript:alert(1)\r\nBcc: all@example.com\x00" + "x" * 9_000)])

    (find,) = finds_in(session)
    assert "\n" not in find.url
    assert "\x00" not in find.url
    assert len(find.url) == 2048


def test_nobody_is_told_before_it_is_done(report, leaked, session):
    _, secret = leaked

    report([(secret, "commit", URL)])

    assert mail.listed(session, limit=10) == []
    assert finds_in(session)[0].told_at is None
