"""`postern verify` finds prices and entries of the audit trail that were deleted, and ends that were cut off."""

import asyncio
import json
from uuid import uuid4

import pytest
from sqlmodel import select

from app.core import audit
from app.core.errors import Invalid
from app.integrations.models import Integration
from app.plans import pricing
from tests.cli.sealed import seal_trail
from tests.conftest import NOW
from tests.metering.recording import recording, row
from tests.metering.test_verification import tamper


def test_a_price_that_was_deleted_is_reported(run, engine, session, make):
    integration = make.integration("sampler", tools=())
    version = pricing.set_price(session, integration=integration, tool="", nanos_per_unit=7, currency="usd", now=NOW)
    session.commit()
    seal_trail(session)
    assert run("verify")[0] == 0

    tamper(engine, "DELETE FROM price_version")

    code, printed = run("verify")
    assert code == 1
    assert f"WRONG  price version {version.id}: it was deleted" in printed


def test_a_price_by_which_a_call_was_charged_is_missed_even_without_the_audit_trail(run, engine):
    used = uuid4()

    async def record():
        async with recording(engine) as recorder:
            await recorder.record(row(price_version_id=used))

    asyncio.run(record())

    assert f"price version {used}: it was deleted" in run("verify")[1]


def test_an_entry_of_the_audit_trail_that_was_deleted_is_reported(run, engine, session, make):
    integration = make.integration("sampler", tools=())
    pricing.set_price(session, integration=integration, tool="", nanos_per_unit=7, currency="usd", now=NOW)
    session.commit()
    seal_trail(session)
    assert run("verify")[0] == 0

    tamper(engine, "DELETE FROM audit_entry WHERE action = 'price.set'")

    code, printed = run("verify")
    assert code == 1
    assert "WRONG  audit trail, place" in printed
    assert "was deleted" in printed


ALL_TRACES = (
    *("usage_event", "sealed_event", "usage_seal", "usage_hour", "usage_day", "usage_month"),
    *("audit_entry", "audit_link"),
)


def test_an_end_that_was_cut_off_with_every_trace_is_found_against_seals_that_were_kept(
    run, engine, session, called, tmp_path
):
    pricing.set_price(
        session, integration=session.exec(select(Integration)).one(), tool="", nanos_per_unit=7, currency="usd", now=NOW
    )
    session.commit()
    seal_trail(session)
    keys, kept = tmp_path / "keys.json", tmp_path / "seals.json"
    keys.write_text(json.dumps(called[2]))
    code, printed = run("seals")
    kept.write_text(printed)
    assert code == 0
    assert run("verify", "--against", str(kept), "--keys", str(keys))[0] == 0

    tamper(engine, *[f"DELETE FROM {table}" for table in (*ALL_TRACES, "price_version")])

    assert run("verify")[0] == 0  # what remains agrees with itself
    code, printed = run("verify", "--against", str(kept), "--keys", str(keys))
    assert code == 1
    assert f"organisation {called[0]['organisation_id']}, place 1 is not as the kept seal 1 says" in printed
    assert "audit trail, place" in printed


@pytest.mark.parametrize("part", ["head", "last_seq", "hash"])
def test_seals_that_were_not_kept_but_made_up_are_not_believed(run, engine, session, called, tmp_path, part):
    audit.record(session, action="key.issued", now=NOW)
    session.commit()
    seal_trail(session)
    kept = tmp_path / "seals.json"
    said = json.loads(run("seals")[1])
    changed = said["audit"] if part == "hash" else said["seals"][0]
    changed[part] = 2 if part == "last_seq" else "00" * 32
    kept.write_text(json.dumps(said))

    code, printed = run("verify", "--against", str(kept))

    assert code == 1
    assert "is not genuine" in printed


def test_a_file_that_holds_no_seals_is_refused_in_words(run, called, tmp_path):
    (tmp_path / "seals.json").write_text("[]")

    with pytest.raises(Invalid, match="postern seals"):
        run("verify", "--against", str(tmp_path / "seals.json"))
