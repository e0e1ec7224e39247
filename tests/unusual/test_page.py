"""The page of alerts: what was told, with its calls; and what is told, by whom it may be changed."""

from datetime import timedelta

import pytest
from sqlmodel import select

from app.core.audit import AuditEntry
from app.unusual import queries, rules
from app.unusual.models import UseAlert
from app.unusual.rules import Choice
from tests.databases import on_both

PATH = "/usage/alerts/"
FORM = {
    "rate": "y", "factor": "3", "rate_calls": "10", "errors": "y", "error_percent": "5", "error_calls": "20",
    "client": "y", "silent_days": "7",
}  # fmt: skip


@pytest.fixture
def alert(session, make):
    def put(organisation, rule=rules.ERRORS, **more):
        moments = {"began_at": make.now, "at": make.now}
        words = f"{rule} is unusual."
        row = UseAlert(organisation_id=organisation.id, rule=rule, key=f"{rule} {more}", words=words, **moments, **more)
        session.add(row)
        session.commit()
        return row

    return put


@on_both
def test_what_waits_is_on_home_until_somebody_has_seen_it(owner, outsider, alert, make, session):
    key = make.key(owner.organisation)
    make.call(key, make.integration("sampler"), status="tool_error")
    mine = alert(owner.organisation)
    alert(owner.organisation, rules.SILENT, key_id=key.id, ended_at=make.now, why_ended="The key was used again.")
    alert(outsider.organisation, rules.RATE)

    assert "errors is unusual. Alerts on use" in owner.get("/home/").text
    page = owner.get(PATH)
    assert "silent is unusual." in page.text
    assert "The key was used again." in page.text
    assert "rate is unusual" not in page.text
    [behind] = [path for path in page.page.links if "status=failed" in path]
    assert "/usage/calls/?period=custom&from=2026-11-22T14&to=2026-11-22T14" in behind
    assert "greet" in owner.get(behind).text
    owner.post(f"{PATH}{mine.id}/seen")

    assert "errors is unusual. Alerts on use" not in owner.get("/home/").text
    assert "Seen" in owner.get(PATH).text
    [entry] = session.exec(select(AuditEntry).where(AuditEntry.action == "use_alerts.seen"))
    assert entry.details == {"alert": "errors is unusual"}


def test_what_is_told_is_chosen_on_the_page_and_written_down(owner, session):
    owner.post(PATH, **FORM)

    organisation = owner.organisation
    off = frozenset({rules.COUNTRY, rules.SILENT})
    assert queries.choice_of(session, organisation.id) == Choice(off, 3, 10, 5, 20, 7)
    [entry] = session.exec(select(AuditEntry).where(AuditEntry.action == "use_alerts.set"))
    assert (
        entry.details["rate"]
        == "5 times the usual, from 500 calls an hour on → 3 times the usual, from 10 calls an hour on"
    )
    assert entry.details["silent"] == "for 7 days → off"
    assert "client" not in entry.details
    owner.post(PATH, **FORM)
    assert len(session.exec(select(AuditEntry).where(AuditEntry.action == "use_alerts.set")).all()) == 1


def test_wrong_numbers_are_said_and_nothing_typed_is_lost(owner, session):
    page = owner.post(PATH, **{**FORM, "factor": "1", "error_percent": "many"}, status=422)

    assert page.text.count("Times the usual: write a whole number from 2 to 100.") == 2
    assert page.text.count("Percent that fail: write a whole number from 1 to 100.") == 2
    assert page.page.form(PATH).fields["rate_calls"] == "10"
    assert page.page.form(PATH).fields["factor"] == "1"
    assert queries.choice_of(session, owner.organisation.id) == rules.USUAL


def test_turning_a_rule_off_ends_its_alerts(owner, alert, session):
    mine = alert(owner.organisation, rules.SILENT)

    owner.post(PATH, **FORM)

    session.refresh(mine)
    assert (mine.ended_at is not None, mine.why_ended) == (True, "The rule was turned off.")


def test_lists_are_paged_and_viewers_read(sign_in, make, session, alert):
    organisation, person = make.organisation(), make.person()
    make.membership(organisation, person, role="viewer")
    for number in range(30):
        row = alert(organisation, key_id=make.key(organisation).id, about=str(number))
        row.at -= timedelta(minutes=number)
    session.commit()
    viewer = sign_in(person, organisation)

    assert viewer.get(PATH).text.count("errors is unusual.") == 25
    second = viewer.get(f"{PATH}?page=2")
    assert second.text.count("errors is unusual.") == 5
    assert "An owner, admin or developer can change that." in second.text
    assert "Mark as seen" not in second.text
