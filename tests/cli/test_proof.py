"""`postern verify` and `postern explain`: what whoever runs Postern, or whoever pays for it, types."""

import asyncio
import json
import subprocess
import sys
from uuid import uuid4

import pytest
from click.testing import CliRunner

from app import cli
from app.core import ids
from app.core.config import ROOT
from app.core.errors import NotFound
from app.gateway import meter
from app.limits.models import LimitRule
from app.metering.models import Attempt
from app.plans import pricing
from tests.cli.sealed import seal_trail
from tests.conftest import NOW
from tests.metering.recording import recording, row
from tests.metering.test_verification import tamper


def test_a_sound_ledger_verifies(run, called):
    code, output = run("verify")

    assert (code, "1 organisation(s) checked, nothing wrong" in output) == (0, True)


def test_a_changed_event_is_named_and_fails(run, engine, called):
    said, _, _ = called
    tamper(engine, "UPDATE usage_event SET amount_nanos = 1 WHERE id = :id", id=said["id"])

    code, output = run("verify")

    assert code == 1
    assert said["id"] in output


@pytest.mark.parametrize(
    "change",
    [
        "nanos_per_unit = 1",
        "currency = 'eur'",
        "tool = 'greet'",
        "effective_at = '2020-01-01 00:00:00.000000'",
        "digest = ''",
    ],
)
def test_a_changed_price_is_named_and_fails(run, engine, session, make, called, change):
    price = pricing.set_price(
        session, integration=make.integration("paid"), tool="", nanos_per_unit=100, currency="usd", now=NOW
    )
    session.commit()
    seal_trail(session)
    assert run("verify")[0] == 0

    tamper(engine, f"UPDATE price_version SET {change}")

    code, output = run("verify")
    assert code == 1
    assert f"price version {price.id}: it was changed" in output


def test_one_organisation_can_be_checked_alone(run, engine, session, make, called):
    said, _, _ = called
    other = make.organisation()
    session.commit()
    seal_trail(session)
    tamper(engine, "UPDATE usage_event SET amount_nanos = 1 WHERE id = :id", id=said["id"])

    assert run("verify", "--organisation", other.slug)[0] == 0


def test_a_receipt_verifies_against_the_ledger(run, engine, tmp_path, called):
    said, receipt, _ = called
    (tmp_path / "r").write_text(receipt + "\n")

    assert run("verify", "--receipt", str(tmp_path / "r"))[0] == 0

    tamper(engine, "DELETE FROM usage_event WHERE id = :id", id=said["id"])
    code, output = run("verify", "--receipt", str(tmp_path / "r"))
    assert code == 1
    assert "does not hold its call" in output


def test_a_receipt_verifies_offline_with_kept_keys(tmp_path, called):
    said, receipt, keys = called
    (tmp_path / "r").write_text(receipt)
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    runner = CliRunner(env={"POSTERN_DATABASE_URL": "postgresql://nowhere.invalid/none"})
    arguments = ["verify", "--receipt", str(tmp_path / "r"), "--keys", str(tmp_path / "keys.json")]

    good = runner.invoke(cli.postern, arguments)
    (tmp_path / "r").write_text(receipt.replace(said["id"], ids.receipt_id()))
    bad = runner.invoke(cli.postern, arguments)

    assert (good.exit_code, "genuine" in good.output) == (0, True)
    assert (bad.exit_code, "another name" in bad.output) == (1, True)


def test_a_call_is_explained_by_receipt_and_by_request(run, called):
    said, receipt, _ = called

    _, by_receipt = run("explain", receipt)
    _, by_request = run("explain", said["request_id"])

    assert by_receipt == by_request
    for words in ("“greet” of sampler", "version 7", "place 1 of its chain", "with the key “ci”", "1 unit(s)"):
        assert words in by_receipt


def test_a_refusal_is_explained_by_its_rule(run, session, make):
    key = make.key()
    rule = LimitRule(
        id=uuid4(), name="small", measure="calls", period="month", most=10, set_by="operator", created_at=NOW
    )
    session.add(rule)
    session.flush()
    attempt = Attempt(
        id=ids.request_id(),
        at=NOW,
        organisation_id=key.organisation_id,
        key_id=key.id,
        address_digest="",
        reason="allowance_used",
        http_status=200,
        path="/mcp/sampler",
        method="tools/call",
        tool="greet",
        detail="10 of 10 are used",
        rule_id=rule.id,
        policy_version=12,
    )
    session.add(attempt)
    session.commit()

    _, output = run("explain", attempt.id)

    for words in (
        "not charged",
        "version 12",
        "10 of 10 are used",
        "10 calls a month, set by the operator",
        "24 hours",
    ):
        assert words in output


def explained_refusal(run, session, key, **more):
    attempt = Attempt(
        id=ids.request_id(),
        at=NOW,
        organisation_id=key.organisation_id,
        key_id=key.id,
        address_digest="",
        http_status=200,
        path="/mcp/sampler",
        method="tools/call",
        tool="greet",
        **more,
    )
    session.add(attempt)
    session.commit()
    return run("explain", attempt.id)[1]


def test_a_refusal_names_the_key_that_was_masked_and_ends_in_one_full_stop(run, session, make):
    key = make.key()
    detail = "your key “pst_live_……” may have 5 calls a month. Whoever runs this gateway can raise this limit."

    hinted = explained_refusal(
        run, session, key, reason="allowance_used", detail=meter.storable(detail, 300), key_hint=key.prefix
    )
    unhinted = explained_refusal(run, session, key, reason="allowance_used", detail=detail)
    plain = explained_refusal(run, session, key, reason="unknown_integration")

    assert f"your key “{key.prefix}…” may have" in hinted
    assert "your key “pst_live_…” may have" in unhinted
    for output in (hinted, unhinted, plain):
        assert ".." not in output
        assert "……" not in output
    assert "There is no integration at /mcp/sampler.\n" in plain


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("00000000", "held against what the installation’s settings usually allow each key; all had room."),
        ("12345678", "held against 1 that has been deleted since; all had room."),
        ("", "none applied."),
    ],
)
def test_the_usual_rate_is_not_called_deleted(run, engine, session, make, rules, words):
    key, integration = make.key(), make.integration("sampler")
    session.commit()
    said = row(organisation_id=key.organisation_id, key_id=key.id, integration_id=integration.id, rules=rules)

    async def record():
        async with recording(engine) as recorder:
            await recorder.record(said)

    asyncio.run(record())

    assert f"Limits:  {words}\n" in run("explain", said["id"])[1]


def test_an_unknown_id_says_where_else_to_look(run):
    with pytest.raises(NotFound, match="24 hours") as caught:
        run("explain", "req_unknown")

    assert "leave no trace but the log" in caught.value.message


def test_a_receipt_verifies_without_postern(tmp_path, called):
    said, receipt, keys = called
    (tmp_path / "r").write_text(receipt)
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    command = [sys.executable, "scripts/verify_receipt.py", str(tmp_path / "r"), str(tmp_path / "keys.json")]

    good = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    (tmp_path / "r").write_text(receipt[:40] + ("A" if receipt[40] != "A" else "B") + receipt[41:])
    bad = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert json.loads(good.stdout)["id"] == said["id"]
    assert bad.returncode != 0
